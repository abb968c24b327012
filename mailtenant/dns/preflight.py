"""Credentials of a DNS provider: do they read this zone, and may they write there? Nothing is changed."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from mailtenant.dns import cloudflare_api, godaddy_api
from mailtenant.rest import ApiError, Refused


@dataclass(frozen=True)
class Finding:
    """One question and its answer; `said` is a sentence with the fix where it is not `ok`."""

    zone: str
    question: str
    ok: bool
    said: str


def cloudflare(api: cloudflare_api.Api, zone_id: str, zone: str) -> list[Finding]:
    """A read of the zone, then a record without a type: refused as wrong (400) by whom may write, else as forbidden."""
    read = _ask(zone, "reads the zone", lambda: _named(str(api.zone(zone_id)["name"]), zone))
    if not read.ok:
        return [read]
    return [read, _ask(zone, "may write records", lambda: _probe(lambda: api.probe(zone_id)))]


def addresses(api: cloudflare_api.Api, zone_id: str, zone: str, hosts: Mapping[str, Collection[str]]) -> list[Finding]:
    """Whether each host has no address at Cloudflare but its own (host → those): an AAAA that somebody left at the
    tenant's name takes mail and logins elsewhere, also where the tenant itself has none.
    """
    question = "nobody else's address at"
    return [
        _ask(zone, f"{question} {host}", lambda host=host: _own(api.at(zone_id, host), hosts[host]))  # type: ignore[misc]
        for host in hosts
    ]


def godaddy(api: godaddy_api.Api, zone: str) -> list[Finding]:
    """A read of the records, then an addition of no records: refused as empty (422) by whom may write."""
    read = _ask(zone, "reads the domain", lambda: _count(len(api.records(zone))))
    if not read.ok:
        return [read]
    return [read, _ask(zone, "may write records", lambda: _probe(lambda: api.probe(zone)))]


def _ask(zone: str, question: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(zone, question, True, ask())
    except ApiError as error:
        return Finding(zone, question, False, str(error))


def _named(name: str, zone: str) -> str:
    # The domain may be a part of the zone.
    if zone != name and not zone.endswith(f".{name}"):
        raise ApiError(f"`zone_id` is the zone {name}, not {zone}: copy the id from that zone's overview page")
    return "yes"


def _own(records: Iterable[Mapping[str, Any]], own: Collection[str]) -> str:
    for record in records:
        content = str(record["content"])
        if record["type"] == "CNAME" or (record["type"] in ("A", "AAAA") and _canonical(content) not in own):
            raise ApiError(f"{record['type']} {content} stands there: delete it, or set the tenant's address to it")
    return "yes"


def _canonical(address: str) -> str:
    try:
        return str(ip_address(address))
    except ValueError:
        return address


def _count(records: int) -> str:
    return f"yes, {records} records"


def _probe(ask: Callable[[], None]) -> str:
    """What is refused for its content has passed every check of rights."""
    try:
        ask()
    except Refused as error:
        if error.status not in (400, 422):
            raise
    return "yes"
