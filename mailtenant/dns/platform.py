"""Records of the platform's part: the tenant host, its SPF name, keys, DMARC, and the PTR of its addresses."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from mailtenant.dns.dkim import delegated_name, key_text, spare_selectors
from mailtenant.dns.records import Record, RecordType
from mailtenant.dns.ttl import TTL, accepted

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings


def platform_records(settings: "TenantSettings") -> Iterator[Record]:
    """The same in every phase: nothing there was anybody else's before."""
    host = settings.host
    ttl = accepted(TTL, settings.platform_dns.provider)

    def record(name: str, type_: RecordType, value: str, reason: str) -> Record:
        return Record(host, name, type_, value, ttl, reason, "platform")

    for node in settings.smtp_nodes:
        whose = (
            "the one address that clients, other mail servers and the MX use" if node.number == 1 else "a further MX"
        )
        yield record(node.host, "A", str(node.address), whose)
        if node.address6 is not None:
            yield record(node.host, "AAAA", str(node.address6), "the same host by IPv6")
    mechanisms = _mechanisms(egress(settings))
    yield record(host, "TXT", f"v=spf1 {mechanisms} -all", "SPF for the EHLO name, judged on bounces (RFC 7208 §2.3)")
    for node in settings.smtp_nodes[1:]:
        own = f"v=spf1 {_mechanisms(node.addresses)} -all"
        yield record(node.host, "TXT", own, "SPF for the EHLO name, judged on bounces (RFC 7208 §2.3)")
    yield record(
        spf_name(host), "TXT", f"v=spf1 {mechanisms} -all", "the egress addresses; customers include this name"
    )
    for key in settings.host_dkim:
        name = f"{key.selector}._domainkey.{host}"
        yield record(name, "TXT", key_text("rsa", key.public_key), "DKIM key that signs bounces and reports")
    for domain in settings.domains:
        if domain.dkim_mode == "cname":
            for each in domain.dkim:
                name = delegated_name(settings, domain.name, each.selector)
                text = key_text(each.algorithm, "" if each.state == "revoked" else each.public_key)
                yield record(name, "TXT", text, f"DKIM key of {domain.name}, selector state {each.state}")
            for algorithm, selector in spare_selectors(domain.dkim).items():
                name, text = delegated_name(settings, domain.name, selector), key_text(algorithm, "")
                yield record(name, "TXT", text, f"no key of {domain.name} yet: its next one comes here")
    yield record(f"_dmarc.{host}", "TXT", "v=DMARC1; p=reject", "nobody else sends in the name of the tenant host")
    for node in settings.smtp_nodes:
        for address in node.addresses:
            # The zone is whoever's the address is; no writer of ours reaches it, the sheet and the check show it.
            name = address.reverse_pointer
            reason = "the address says the name that it greets with (EHLO)"
            yield Record(reverse_zone(address), name, "PTR", node.host, TTL, reason, "platform")


def egress(settings: "TenantSettings") -> tuple[IPv4Address | IPv6Address, ...]:
    """Every address that mail leaves from, IPv4 and IPv6."""
    return tuple(address for node in settings.smtp_nodes for address in node.addresses)


def hosts_without_ipv6(settings: "TenantSettings") -> tuple[str, ...]:
    """Names of ours where an AAAA can only be somebody's: it would take mail and logins elsewhere."""
    return tuple(node.host for node in settings.smtp_nodes if node.address6 is None)


def reverse_zone(address: IPv4Address | IPv6Address) -> str:
    """The zone that most likely holds the address's PTR: that of its /24, or of its /64."""
    return address.reverse_pointer.split(".", 1 if address.version == 4 else 16)[-1]


def _mechanisms(addresses: Iterable[IPv4Address | IPv6Address]) -> str:
    return " ".join(mechanism(address) for address in addresses)


def mechanism(address: IPv4Address | IPv6Address) -> str:
    """The address as an SPF term."""
    return f"ip{address.version}:{address}"


def spf_name(host: str) -> str:
    """The name whose SPF record holds the egress addresses alone."""
    return f"_spf.{host}"
