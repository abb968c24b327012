"""A zone as it was found: from a provider's API, from a zone file, or by asking DNS."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import dns.exception
import dns.rdatatype
import dns.zone

from mailtenant.dns import cloudflare_api, godaddy_api
from mailtenant.dns.cloudflare_form import cloudflare_existing
from mailtenant.dns.godaddy_form import godaddy_existing
from mailtenant.dns.presentation import plain_value
from mailtenant.settings.existing import ExistingRecord, ExistingZone

_OF_THE_HOST = ("SOA", "NS")
"""At the zone itself these are the DNS host's own and stay with it."""


class SnapshotError(ValueError):
    """Why a zone cannot be taken down as it is, with the fix."""


def of_cloudflare(api: cloudflare_api.Api, zone_id: str, zone: str, now: datetime) -> ExistingZone:
    """Raises: ApiError"""
    return _zone(zone, (cloudflare_existing(record) for record in api.records(zone_id)), now)


def of_godaddy(api: godaddy_api.Api, zone: str, now: datetime) -> ExistingZone:
    """Raises: ApiError"""
    return _zone(zone, (godaddy_existing(record, zone) for record in api.records(zone)), now)


def of_zone_file(text: str, zone: str, now: datetime) -> ExistingZone:
    """A zone in master file format (RFC 1035 §5), as every provider exports it.

    Raises: SnapshotError
    """
    try:
        parsed = dns.zone.from_text(text, f"{zone}.", relativize=False, check_origin=False)
    except (dns.exception.DNSException, UnicodeError, ValueError) as error:
        raise SnapshotError(f"is no zone file of {zone}: {error}") from None
    found = []
    for name, ttl, rdata in parsed.iterate_rdatas():
        type_ = dns.rdatatype.to_text(rdata.rdtype)
        absolute = name.to_text(omit_final_dot=True).lower()
        found.append(ExistingRecord.model_validate(
            {"name": absolute, "type": type_, "value": plain_value(type_, rdata), "ttl": max(ttl, 1)}
        ))  # fmt: skip
    return _zone(zone, found, now)


def _zone(zone: str, records: Iterable[ExistingRecord], now: datetime) -> ExistingZone:
    kept = [one for one in records if not (one.name == zone and one.type in _OF_THE_HOST)]
    return ExistingZone(taken=now.strftime("%Y-%m-%dT%H:%M:%SZ"), records=tuple(_once(kept)))


def _once(records: Iterable[ExistingRecord]) -> Sequence[ExistingRecord]:
    return list({(one.name, one.type, one.value): one for one in records}.values())
