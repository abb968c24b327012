"""Records and zones: exact values, and what a resolver would read back from the zone file."""

import dns.rdatatype
import dns.zone
from hypothesis import given
from hypothesis import strategies as st

from mailtenant.dns import Record, local_zones, record_lines, records, split_text, zone_text
from tests import samples


@given(st.text(max_size=1200))
def test_a_split_text_joins_to_itself_in_octets(text: str) -> None:
    parts = split_text(text)
    assert b"".join(parts) == text.encode()
    assert all(len(part) <= 255 for part in parts)


@given(st.text(st.characters(min_codepoint=1, max_codepoint=0x2FFF), max_size=600))
def test_a_zone_file_gives_every_text_back(text: str) -> None:
    record = Record("acme.test", "x.acme.test", "TXT", text, 300, "test", "customer")
    zone = dns.zone.from_text(zone_text("acme.test", [record], "acme.outboxment.test"), "acme.test", relativize=False)
    (rdata,) = zone.get_rdataset("x.acme.test.", "TXT")
    assert b"".join(rdata.strings) == text.encode()


def test_the_records_of_a_tenant() -> None:
    tenant = samples.settings(dmarc={"policy": "none", "reports": ["mailto:dmarc@acme.test"]})
    values = {(r.name, r.type, r.value) for r in records(tenant)}
    assert ("acme.test", "MX", "10 acme.outboxment.test") in values
    assert ("acme.test", "TXT", "v=spf1 include:_spf.acme.outboxment.test ~all") in values
    assert ("_spf.acme.outboxment.test", "TXT", f"v=spf1 ip4:{tenant.edge.address} -all") in values
    assert ("acme.outboxment.test", "A", str(tenant.edge.address)) in values
    assert ("_dmarc.acme.test", "TXT", "v=DMARC1; p=none; rua=mailto:dmarc@acme.test") in values
    public = tenant.domains[0].dkim[0].public_key
    assert ("mt1._domainkey.acme.test", "TXT", f"v=DKIM1; k=rsa; p={public}") in values


def test_every_record_says_why() -> None:
    assert all(record.reason for record in records(samples.settings()))


def test_local_zones_hold_exactly_the_planned_records() -> None:
    tenant = samples.settings("acme", "acme.test", "acme-two.test")
    zones = {zone.name: dns.zone.from_text(zone.text, zone.name, relativize=False) for zone in local_zones(tenant)}
    assert set(zones) == {"acme.outboxment.test", "acme.test", "acme-two.test"}
    for name, zone in zones.items():
        planned = [record for record in records(tenant) if record.zone == name]
        held = [
            rdata
            for _, rdataset in zone.iterate_rdatasets()
            for rdata in rdataset
            if rdata.rdtype not in (dns.rdatatype.SOA, dns.rdatatype.NS)
        ]
        assert len(held) == len(planned)


def test_the_serial_changes_with_the_zone_and_only_then() -> None:
    def serial(tenant: object) -> int:
        (zone,) = [z for z in local_zones(tenant) if z.name == "acme.test"]  # type: ignore[arg-type]
        soa = dns.zone.from_text(zone.text, zone.name, relativize=False).get_rdataset("acme.test.", "SOA")
        return int(soa[0].serial)

    assert serial(samples.settings()) == serial(samples.settings())
    assert serial(samples.settings()) != serial(samples.settings(dmarc={"policy": "reject"}))


def test_bind_lines_are_absolute() -> None:
    for line in record_lines(records(samples.settings())):
        name, ttl, class_, type_, *value = line.split(" ", 4)
        assert name.endswith(".")
        assert (int(ttl), class_) == (3600, "IN")
        if type_ == "MX":
            assert value[0].endswith("outboxment.test.")
