"""Credentials of a DNS provider: do they read this zone, and may they write there? Nothing is changed."""

from collections.abc import Callable
from dataclasses import dataclass

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
