"""Which records a tenant needs, and why: a pure function of the settings.

Two kinds of zone: the platform's part (the tenant host, an SPF name that holds the egress addresses, the host's own
DKIM for bounces) and each customer domain. Rule ids in comments are those of the product's record rules.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailtenant.dns.records import Record, RecordType

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

TTL = 3600
MX_PREFERENCE = 10


def records(settings: "TenantSettings") -> tuple[Record, ...]:
    """Every record of the tenant, sorted: the platform's first, then one customer domain after the other."""
    planned = [*_platform(settings)]
    for domain in settings.domains:
        planned += _customer(settings, domain.name)
    return tuple(planned)


def _platform(settings: "TenantSettings") -> Iterator[Record]:
    host = settings.host

    def record(name: str, type_: RecordType, value: str, reason: str) -> Record:
        return Record(host, name, type_, value, TTL, reason, "platform")

    address = str(settings.edge.address)
    yield record(host, "A", address, "the one address that clients, other mail servers and the MX use")
    yield record(host, "TXT", f"v=spf1 ip4:{address} -all", "SPF for the EHLO name, judged on bounces (RFC 7208 §2.3)")
    yield record(
        f"_spf.{host}", "TXT", f"v=spf1 ip4:{address} -all", "the egress addresses; customers include this name"
    )
    for key in settings.host_dkim:
        yield record(
            f"{key.selector}._domainkey.{host}",
            "TXT",
            _dkim_text(key.public_key),
            "DKIM key that signs bounces and reports",
        )
    yield record(f"_dmarc.{host}", "TXT", "v=DMARC1; p=reject", "nobody else sends in the name of the tenant host")


def _customer(settings: "TenantSettings", name: str) -> Iterator[Record]:
    def record(at: str, type_: RecordType, value: str, reason: str) -> Record:
        return Record(name, at, type_, value, TTL, reason, "customer")

    host = settings.host
    yield record(name, "MX", f"{MX_PREFERENCE} {host}", "mail for this domain is delivered to the tenant host")
    # SPF-6: `~all`, so that mail by other ways is judged by DKIM and DMARC instead of refused outright.
    yield record(
        name, "TXT", f"v=spf1 include:_spf.{host} ~all", "the tenant's egress addresses may send for this domain"
    )
    domain = next(d for d in settings.domains if d.name == name)
    for key in domain.dkim:
        yield record(
            f"{key.selector}._domainkey.{name}",
            "TXT",
            _dkim_text(key.public_key),
            f"DKIM key, selector state {key.state}",
        )
    yield record(
        f"_dmarc.{name}", "TXT", _dmarc_text(settings), "what receivers do with mail that fails both SPF and DKIM"
    )


def _dkim_text(public_key: str) -> str:
    return f"v=DKIM1; k=rsa; p={public_key}"  # RFC 6376 §3.6.1


def _dmarc_text(settings: "TenantSettings") -> str:
    # DMARC-1: `v` first, `p` second, valid for RFC 7489 and RFC 9989 readers alike.
    text = f"v=DMARC1; p={settings.dmarc.policy}"
    if settings.dmarc.reports:
        text += "; rua=" + ",".join(str(address) for address in settings.dmarc.reports)
    return text
