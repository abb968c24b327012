"""Zones and records for tests of the DNS plan."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from mailtenant.dns.records import Record
from mailtenant.settings.existing import Existing, ExistingRecord, ExistingZone
from tests import samples

ZONE = "acme.com"


def held(*records: tuple[str, str, str, int]) -> Existing:
    """A snapshot of acme.com from (name, type, value, ttl)."""
    found = [
        ExistingRecord.model_validate(dict(zip(("name", "type", "value", "ttl"), r, strict=True))) for r in records
    ]
    return {ZONE: ExistingZone(taken="2026-11-01T00:00:00Z", records=tuple(found))}


def tenant(provider: str = "manual", *, address6: str | None = None, **domain: Any) -> Any:
    document = samples.document("acme", ZONE)
    if address6:
        document["edge"]["address6"] = address6
    dns: dict[str, Any] = {"provider": provider}
    if provider == "cloudflare":
        dns["zone_id"] = "0" * 32
    document["domains"][0] |= {"dns": dns, **domain}
    return samples.parse_settings(document, stack="acme")


LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=2, max_size=4).map(".".join)
# Printable ASCII: what DNS texts of mail are made of; quotes, backslashes and semicolons are the hard ones.
TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=900)
NUMBERS = st.integers(0, 65535)
# Without those that hold an IPv4 address: Python and dnspython spell them differently, and no host has them.
SIXES = st.ip_addresses(v=6).filter(lambda one: one.ipv4_mapped is None and int(one) >= 1 << 96)


def _record(name: str, type_: str, value: str, ttl: int) -> Record:
    return Record(ZONE, name, type_, value, ttl, "for the test", "customer")  # type: ignore[arg-type]


_NAMES = st.one_of(st.just(ZONE), LABELS.map(lambda label: f"{label}.{ZONE}"))
_TTLS = st.integers(600, 86400)
_SERVICES = st.tuples(LABELS, st.sampled_from(("_tcp", "_udp"))).map(lambda pair: f"_{pair[0]}.{pair[1]}.{ZONE}")
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(_record, _NAMES, st.just("TXT"), TEXTS, _TTLS),
    st.builds(_record, _NAMES, st.just("MX"), st.tuples(NUMBERS, HOSTS).map(lambda v: f"{v[0]} {v[1]}"), _TTLS),
    st.builds(_record, _NAMES, st.just("CNAME"), HOSTS, _TTLS),
    st.builds(_record, _NAMES, st.just("A"), st.ip_addresses(v=4).map(str), _TTLS),
    st.builds(_record, _NAMES, st.just("AAAA"), SIXES.map(str), _TTLS),
    st.builds(
        _record, _SERVICES, st.just("SRV"),
        st.tuples(NUMBERS, NUMBERS, NUMBERS, HOSTS).map(lambda v: " ".join(map(str, v))), _TTLS,
    ),
    st.just(_record(f"no.{ZONE}", "MX", "0 .", 3600)),
    st.just(_record(f"_pop3._tcp.{ZONE}", "SRV", "0 0 0 .", 3600)),
)  # fmt: skip


def values(records: Sequence[Record]) -> list[tuple[str, str, str, int]]:
    return sorted({(r.name, r.type, r.value, r.ttl) for r in records})
