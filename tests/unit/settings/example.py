"""A complete tenant document for tests, with real keys and certificates (made once a process)."""

from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from typing import Any

from mailtenant.certificates import LocalCertificates, make_local_certificates
from mailtenant.dkim import generate_private_key, public_half
from mailtenant.settings import TenantSettings, parse_settings


@cache
def a_public_key() -> str:
    """One key serves every selector of the examples: making one takes a tenth of a second."""
    return public_half(generate_private_key())


@cache
def certificates(label: str, platform_domain: str) -> LocalCertificates:
    return make_local_certificates(label, f"{label}.{platform_domain}", datetime.now(UTC))


def example_document(label: str = "acme", *domains: str, platform_domain: str = "outboxment.test") -> dict[str, Any]:
    """The document as YAML or Pulumi would give it: plain dictionaries, lists, text and numbers."""
    made = certificates(label, platform_domain)
    return deepcopy(
        {
            "schema": 1,
            "release": "2026.11",
            "label": label,
            "organisation": "Acme GmbH",
            "contact": {"name": "Jo Doe", "email": "jo@example.com"},
            "platform": "docker",
            "platform_domain": platform_domain,
            "platform_dns": {"provider": "local"},
            "profile": "single",
            "edge": {"network": "mailtenant-world", "address": "10.99.1.10", "dns": "10.99.0.53"},
            "internal": {"subnet": "10.98.0.0/28"},
            "publish": "127.0.1.1",
            "tls": {"mode": "local", "ca": made.ca, "chain": made.chain},
            "host_dkim": [{"selector": "mt1", "public_key": a_public_key()}],
            "domains": [
                {
                    "name": name,
                    "dns": {"provider": "local"},
                    "dkim": [{"selector": "mt1", "state": "active", "public_key": a_public_key()}],
                }
                for name in domains or (f"{label}.test",)
            ],
            "capacity": {"mailboxes": 50, "domains": 5, "storage_gib": 20, "mailbox_quota_mib": 400},
            "size": "small",
            "limits": {"mailbox": {"hour": 50, "day": 500}, "domain": {"day": 5000}, "tenant": {"day": 20000}},
            "tuning": {"postfix": {"message_size_limit_mib": 50}, "dovecot": {}},
            "dmarc": {"policy": "none", "reports": [f"mailto:dmarc@{label}.test"]},
        }
    )


def example_settings(label: str = "acme", *domains: str, platform_domain: str = "outboxment.test") -> TenantSettings:
    return parse_settings(example_document(label, *domains, platform_domain=platform_domain))
