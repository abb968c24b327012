"""Complete, valid tenant documents for tests that need no stack file: fresh keys once a run, the rest by argument."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from mailtenant.certificates import LocalCertificates, issue_web_certificate, make_local_certificates
from mailtenant.dkim import generate_private_key, public_half
from mailtenant.secrets import TenantSecrets, parse_secrets
from mailtenant.settings import TenantSettings, parse_settings
from mailtenant.web import web_names

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@cache
def private_key() -> str:
    return generate_private_key()


@cache
def certificates(host: str) -> LocalCertificates:
    return make_local_certificates(host.split(".")[0], host, NOW)


def document(label: str = "acme", *domains: str, number: int = 0, **changes: Any) -> dict[str, Any]:
    """The plain form of `mailtenant:tenant`.

    `number` gives each tenant addresses of its own; `changes` replace whole keys.
    """
    host = f"{label}.outboxment.test"
    public = public_half(private_key())
    third, fourth = divmod(number, 250)
    return {
        "schema": 1,
        "release": "2026.11",
        "label": label,
        "organisation": f"{label.title()} GmbH",
        "contact": {"name": "Jo Doe", "email": "jo@example.com"},
        "platform": "docker",
        "platform_domain": "outboxment.test",
        "platform_dns": {"provider": "local"},
        "edge": {"network": "mailtenant-world", "address": f"10.99.{third + 1}.{fourth + 4}", "dns": "10.99.0.53"},
        "internal": {"subnet": f"10.98.{number // 16}.{number % 16 * 16}/28"},
        "publish": f"127.1.{third}.{fourth + 1}",
        "tls": {"mode": "local", "ca": certificates(host).ca, "chain": certificates(host).chain},
        "host_dkim": [{"selector": "mt1", "public_key": public}],
        "domains": [
            {
                "name": name,
                "dns": {"provider": "local"},
                "dkim": [{"selector": "mt1", "state": "active", "public_key": public}],
            }
            for name in (domains or (f"{label}.test",))
        ],
        "capacity": {"mailboxes": 10, "domains": 5, "storage_gib": 20, "mailbox_quota_mib": 2048},
    } | changes


def settings(label: str = "acme", *domains: str, **changes: Any) -> TenantSettings:
    return parse_settings(document(label, *domains, **changes), stack=label)


def names_of(tenant: TenantSettings) -> tuple[str, ...]:
    return web_names(tenant.host, [domain.name for domain in tenant.domains])


@cache
def web_certificate(*names: str) -> tuple[str, str]:
    """(key PEM, chain PEM) for the names, the tenant host first."""
    made = certificates(names[0])
    return issue_web_certificate(names, made.ca, made.ca_key, NOW)


def web_settings(label: str = "acme", *domains: str, **changes: Any) -> TenantSettings:
    """A tenant with a web host: MTA-STS `testing` and client discovery for every domain."""
    plain = document(label, *domains, **changes)
    for domain in plain["domains"]:
        domain |= {"mta_sts": "testing", "autoconfig": True}
    names = names_of(settings(label, *domains, **changes))
    plain["tls"] = {**plain["tls"], "web_chain": web_certificate(*names)[1]}
    return parse_settings(plain, stack=label)


def secrets_document(tenant: TenantSettings) -> dict[str, Any]:
    """The plain form of `mailtenant:secrets`, each value recognisable in a leak."""
    leaf = {
        name: f"canary-{name}-{tenant.label}" for name in ("fingerprintKey", "databaseReaderPassword", "cachePassword")
    }
    made = certificates(tenant.host)
    dkim = {tenant.host: {key.selector: private_key() for key in tenant.host_dkim}}
    dkim |= {domain.name: {key.selector: private_key() for key in domain.dkim} for domain in tenant.domains}
    if tenant.has_web_host:
        leaf["tlsWebKey"] = web_certificate(*names_of(tenant))[0]
    return {**leaf, "tlsCaKey": made.ca_key, "tlsKey": made.key, "dkim": dkim}


def secrets(tenant: TenantSettings) -> TenantSecrets:
    return parse_secrets(secrets_document(tenant))
