"""Records as zones in master file format (RFC 1035 §5), for the tenant's own authoritative server and for hand-over."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import dns.name
import dns.rdata
import dns.rdataclass
import dns.zone

from mailtenant.dns.managed import NOTHING, all_foreign
from mailtenant.dns.planner import records
from mailtenant.dns.presentation import quoted
from mailtenant.dns.records import Record
from mailtenant.dns.ttl import TTL
from mailtenant.rendering.renderer import ZoneFile
from mailtenant.settings.existing import Existing, ExistingRecord, Phase

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

_HOST_TARGETS = {"MX", "CNAME", "NS", "PTR", "SRV"}


def local_zones(
    settings: "TenantSettings", existing: Existing = NOTHING, phase: Phase = "settled"
) -> tuple[ZoneFile, ...]:
    """The zones that the tenant serves itself, whole: the planned records, and what an adopted zone held beside them.

    They are the customer domains with provider `local`, and the host's if the platform's is.
    """
    served = {domain.name for domain in settings.domains if domain.dns.provider == "local"}
    if settings.platform_dns.provider == "local":
        served.add(settings.host)
    by_zone: dict[str, list[Record]] = defaultdict(list)
    for record in records(settings, existing, phase):
        if record.zone in served:
            by_zone[record.zone].append(record)
    for zone, foreign in all_foreign(settings, existing).items():
        if zone in served:
            # At the zone itself they are the server's own; below it they give a part of the zone to somebody.
            by_zone[zone] += [
                _foreign(zone, record) for record in foreign if record.name != zone or record.type not in ("NS", "SOA")
            ]
    return tuple(ZoneFile(name, zone_text(name, by_zone[name], settings.host)) for name in sorted(by_zone))


def _foreign(zone: str, record: ExistingRecord) -> Record:
    # Any type may stand in a snapshot; only its text counts here.
    return Record(zone, record.name, record.type, record.value, record.ttl, "not ours", "customer")  # type: ignore[arg-type]


def zone_text(name: str, planned: Sequence[Record], name_server: str) -> str:
    """The zone as text.

    The serial is taken from the content: it differs when the zone differs, and there is no secondary.
    """
    origin = dns.name.from_text(name)
    zone = dns.zone.Zone(origin, relativize=False)
    serial = int.from_bytes(hashlib.sha256(repr(sorted(planned)).encode()).digest()[:4]) or 1
    _add(zone, name, "NS", f"{name_server}.", TTL)
    _add(zone, name, "SOA", f"{name_server}. hostmaster.{name}. {serial} 3600 600 1209600 300", TTL)
    for record in planned:
        _add(zone, record.name, record.type, _rdata_text(record), record.ttl)
    return f"$ORIGIN {origin}\n" + zone.to_text(sorted=True, relativize=False, nl="\n")


def _rdata_text(record: Record) -> str:
    if record.type == "TXT":
        return quoted(record.value)
    # The root, which stands for "none", is all dot already.
    bare = record.type in _HOST_TARGETS and not record.value.endswith(".")
    return f"{record.value}." if bare else record.value


def _add(zone: dns.zone.Zone, name: str, type_: str, text: str, ttl: int) -> None:
    rdata = dns.rdata.from_text(dns.rdataclass.IN, type_, text)
    zone.find_rdataset(dns.name.from_text(name), rdata.rdtype, create=True).add(rdata, ttl)


def record_lines(planned: Iterable[Record]) -> list[str]:
    """Records as BIND lines without zone apparatus, for people who paste them into a zone file."""
    return [f"{record.name}. {record.ttl} IN {record.type} {_rdata_text(record)}" for record in planned]
