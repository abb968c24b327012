"""MX-1 … MX-3, SRV-1, PTR-1: records that point to hosts, and the address that points back."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from mailtenant.dns.findings import Finding, Level
from mailtenant.dns.no_mail import NULL_MX
from mailtenant.dns.records import Record
from mailtenant.dns.rules.context import RuleContext
from mailtenant.dns.rules.names import host_of

_SMALL: Final = range(65_536)
_NOT_OFFERED: Final = "0 0 0 ."


def host_findings(context: RuleContext) -> Iterator[Finding]:
    for records in context.by_name.values():
        exchanges = [record for record in records if record.type == "MX"]
        yield from _preferences(context, exchanges)
        for record in exchanges:
            if record.value != NULL_MX:
                yield from _exchange(context, record)
    for record in context.of_type("SRV"):
        yield from _service(context, record)
    yield from _reverse(context)
    yield from _strangers(context)


def _exchange(context: RuleContext, record: Record) -> Iterator[Finding]:
    host = host_of(record) or ""
    if _is_address(host):
        yield context.finding("MX-1", record, "points to an address", "point it to a host name that has the address")
        return
    types: set[str] = {r.type for r in context.by_name.get(host, ())}
    zone = _zone_of(context, host)
    foreign = context.foreign_by_name.get((zone, host), ()) if zone else ()
    types |= {r.type for r in foreign}
    if "CNAME" in types:
        yield context.finding("MX-1", record, f"{host} is an alias", "point it to the name behind the alias")
    elif not types & {"A", "AAAA"} and (host == context.settings.host or zone is not None):
        fix = "give it an A or AAAA record"
        yield context.finding("MX-1", record, f"{host} has no address in the plan or the zone", fix)
    if any(r.raw.get("proxied") is True for r in foreign):
        yield context.finding("MX-3", record, f"{host} is behind a proxy", "switch the proxy off for that name")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _zone_of(context: RuleContext, host: str) -> str | None:
    """The adopted zone that holds the host: what it lacks does not exist."""
    held = [zone for zone in context.foreign if host == zone or host.endswith(f".{zone}")]
    return max(held, key=len, default=None)


def _preferences(context: RuleContext, exchanges: Sequence[Record]) -> Iterator[Finding]:
    hosts = Counter(host_of(record) for record in exchanges)
    for record in exchanges:
        preference, _, host = record.value.partition(" ")
        if not preference.isdecimal() or int(preference) not in _SMALL or not host:
            yield context.finding(
                "MX-2", record, "has no preference of 0 to 65535", "write it as `10 mail.example.com`"
            )
        if record.value == NULL_MX and len(exchanges) > 1:
            yield context.finding("MX-2", record, "a null MX stands beside others", "remove it, or the others")
        if hosts[host] > 1:
            yield context.finding("MX-2", record, f"{host} is there {hosts[host]} times", "keep one")


def _service(context: RuleContext, record: Record) -> Iterator[Finding]:
    *numbers, host = record.value.split(" ")
    if len(numbers) != 3 or not all(n.isdecimal() and int(n) in _SMALL for n in numbers):
        fix = "write it as `0 1 993 mail.example.com`"
        yield context.finding("SRV-1", record, "priority, weight and port are not 0 to 65535 each", fix)
    if host == "." and record.value != _NOT_OFFERED:
        yield context.finding("SRV-1", record, "`.` says that the service is not offered", f"write `{_NOT_OFFERED}`")
    if any(r.type == "CNAME" for r in context.by_name.get(host, ())):
        yield context.finding("SRV-1", record, f"{host} is an alias", "point it to the name behind the alias")


def _reverse(context: RuleContext) -> Iterator[Finding]:
    for node in context.settings.smtp_nodes:
        host = node.host
        forward = {(r.type, r.value) for r in context.by_name.get(host, ())}
        for address in node.addresses:
            name, type_ = address.reverse_pointer, _type_of(address)
            pointers = [r for r in context.by_name.get(name, ()) if r.type == "PTR"]
            wanted = Record(name, name, "PTR", host, 0, "", "platform")
            if [r.value for r in pointers] != [host]:
                fix = f"have the owner of the address set its one PTR to {host}"
                yield context.finding("PTR-1", pointers[0] if pointers else wanted, "is not the EHLO name", fix)
            if (type_, str(address)) not in forward:
                fix = f"plan its {type_} record"
                yield context.finding("PTR-1", wanted, f"{host} does not point back to the address", fix)
        if re.search(r"\d+[.-]\d+[.-]\d+[.-]\d+", host):
            fix = "use a label that does not look like an address"
            name = node.address.reverse_pointer
            wanted = Record(name, name, "PTR", host, 0, "", "platform")
            yield context.finding("PTR-1", wanted, f"{host} looks like a provider's generic name", fix)


def _type_of(address: IPv4Address | IPv6Address) -> str:
    return "A" if address.version == 4 else "AAAA"


def _strangers(context: RuleContext) -> Iterator[Finding]:
    """Somebody's address at a name of ours, in a customer's zone that reaches up to the platform domain: an AAAA beside
    our A takes mail and logins to another host, whether we plan one ourselves or not. Going back is always possible.
    """
    level: Level = "W" if context.phase == "adopted" else "E"
    for node in context.settings.smtp_nodes:
        zone, ours = _zone_of(context, node.host), {str(address) for address in node.addresses}
        for held in context.foreign_by_name.get((zone, node.host), ()) if zone else ():
            if held.type in ("A", "AAAA") and not (_is_address(held.value) and str(ip_address(held.value)) in ours):
                message = "is an address of somebody's at the tenant's own host name: mail would go there"
                fix = "delete it from the zone and adopt it anew, or take another label"
                yield Finding("MX-1", level, zone or "", f"{held.name} {held.type}", message, fix)
