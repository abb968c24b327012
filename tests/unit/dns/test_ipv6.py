"""IPv6 in the plan and in what judges it: an AAAA is where an A is, and nobody else's stands beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Any

import dns.zone
import pytest

from mailtenant.cli import dns_verify
from mailtenant.dns import Record, local_zones, records
from mailtenant.dns.cloudflare_api import Api
from mailtenant.dns.managed import planned_records
from mailtenant.dns.planner import plan
from mailtenant.dns.platform import egress, hosts_without_ipv6
from mailtenant.dns.preflight import addresses
from mailtenant.dns.verify import Seen, judge_absent
from mailtenant.settings import StackFile, TenantSettings
from mailtenant.settings.existing import PHASES
from tests import samples
from tests.unit.settings.test_ipv6 import FURTHER, SIX, with_ipv6
from tests.unit.settings.test_nodes import nodes
from world.cloudflare_api import CloudflareApi

from .examples import ZONE, held, tenant

HOST = "acme.outboxment.test"


def values(settings: TenantSettings) -> set[tuple[str, str, str]]:
    return {(record.name, record.type, record.value) for record in records(settings)}


def test_each_host_has_an_aaaa_a_pointer_and_an_spf_term_beside_those_of_ipv4() -> None:
    three = with_ipv6(nodes=nodes(addresses6=FURTHER))
    made = values(three)
    for node in three.smtp_nodes:
        assert {(node.host, "A", str(node.address)), (node.host, "AAAA", str(node.address6))} <= made
        assert all((address.reverse_pointer, "PTR", node.host) in made for address in node.addresses)
    second = three.smtp_nodes[1]
    own = f"v=spf1 ip4:{second.address} ip6:{second.address6} -all"
    assert ("mx2.acme.outboxment.test", "TXT", own) in made
    (spf,) = [v for n, t, v in made if n == "_spf.acme.outboxment.test"]
    assert spf.split(" ")[1:-1] == [f"ip{address.version}:{address}" for address in egress(three)]
    assert len(egress(three)) == 6


def test_spf_in_the_customers_own_record_names_both_and_costs_no_lookup() -> None:
    made = plan(tenant(spf={"mode": "direct"}, address6=SIX))
    (spf,) = [r.value for r in made.records if r.name == ZONE and r.value.startswith("v=spf1")]
    assert spf == f"v=spf1 ip4:10.99.1.4 ip6:{SIX} ~all"
    assert not made.refused


def test_ipv6_adds_records_and_changes_none_but_spf() -> None:
    without, both = values(samples.settings()), values(with_ipv6())
    gone = {(name, type_) for name, type_, _ in without - both}
    assert gone == {(HOST, "TXT"), (f"_spf.{HOST}", "TXT")}
    assert {type_ for _, type_, _ in both - without} == {"AAAA", "PTR", "TXT"}


def test_the_zone_of_a_pointer_is_that_of_the_networks_64_bits() -> None:
    (pointer,) = [r for r in records(with_ipv6()) if r.type == "PTR" and r.name.endswith("ip6.arpa")]
    assert pointer.zone == "0.0.0.0.0.0.0.0.9.9.0.0.0.0.d.f.ip6.arpa" and pointer.name.endswith(f".{pointer.zone}")
    assert pointer.name == IPv6Address(SIX).reverse_pointer


def test_the_platforms_records_are_the_same_in_every_phase() -> None:
    one = tenant(address6=SIX)
    made = [[r for r in planned_records(one, {}, phase) if r.owner == "platform"] for phase in PHASES]
    assert all(each == made[0] for each in made)


def test_the_tenants_own_server_has_the_aaaa_in_its_zone() -> None:
    (zone,) = [zone for zone in local_zones(with_ipv6()) if zone.name == HOST]
    found = dns.zone.from_text(zone.text, HOST, relativize=False).get_rdataset(f"{HOST}.", "AAAA")
    assert found is not None and [rdata.to_text() for rdata in found] == [SIX]


def test_an_address_of_no_network_on_the_internet_is_refused_for_a_real_domain() -> None:
    document = samples.document("acme", ZONE, platform_domain="outboxment.com")
    made = samples.make_local_certificates("acme", "acme.outboxment.com", samples.NOW)
    document["tls"] = {"mode": "local", "ca": made.ca, "chain": made.chain}
    document["edge"] |= {"address": "8.8.4.4", "address6": SIX, "dns": None}
    found = [str(one) for one in plan(samples.parse_settings(document, stack="acme")).findings if one.rule == "SPF-5"]
    assert found and all(f"ip6:{SIX}" in text and "`edge.address6`" in text for text in found)


@pytest.mark.parametrize("own", [None, SIX])
@pytest.mark.parametrize(("type_", "value"), [("AAAA", "2a01:4f8::25"), ("A", "203.0.113.9")])
def test_somebodys_address_at_the_tenants_own_name_refuses_the_plan(own: str | None, type_: str, value: str) -> None:
    """A customer whose domain the platform domain lies below: its zone can hold the tenant's own name."""
    document = samples.document("acme", "outboxment.test")
    document["platform_domain"] = "mail.outboxment.test"
    made = samples.make_local_certificates("acme", "acme.mail.outboxment.test", samples.NOW)
    document["tls"] = {"mode": "local", "ca": made.ca, "chain": made.chain}
    document["edge"]["address6"] = own
    document["domains"][0]["dns"] = {"provider": "manual"}
    one = samples.parse_settings(document, stack="acme")
    zone = {"outboxment.test": held((one.host, type_, value, 300))[ZONE]}
    for phase in PHASES:
        found = [f for f in plan(one, zone, phase).findings if f.rule == "MX-1"]
        assert [(f.level, f.record) for f in found] == [("W" if phase == "adopted" else "E", f"{one.host} {type_}")]
    ours = {"outboxment.test": held((one.host, "A", str(one.edge.address), 300))[ZONE]}
    assert not [f for f in plan(one, ours, "settled").findings if f.rule == "MX-1"]
    if own:
        spelled = {"outboxment.test": held((one.host, "AAAA", "FD00:0099::4", 300))[ZONE]}
        assert not [f for f in plan(one, spelled, "settled").findings if f.rule == "MX-1"]


def test_a_name_that_must_have_no_aaaa_is_judged() -> None:
    assert judge_absent(HOST, "AAAA", Seen(), "ns1").ok
    wrong = judge_absent(HOST, "AAAA", Seen(("2a01:4f8::25",), 300), "ns1")
    assert wrong.state == "wrong" and "2a01:4f8::25" in wrong.said and wrong.fix == "remove 2a01:4f8::25"
    assert judge_absent(HOST, "AAAA", Seen(problem="SERVFAIL"), "ns1").state == "unknown"


@dataclass
class Played:
    """A server that answers from records, and notes what it was asked."""

    held: Sequence[Record]
    more: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    name: str = "ns1"
    recursive: bool = False
    asked: set[tuple[str, str]] = field(default_factory=set)

    def ask(self, name: str, type_: str) -> Seen:
        self.asked.add((name, type_))
        found = sorted(r.value for r in self.held if (r.name, r.type) == (name, type_))
        return Seen((*found, *self.more.get((name, type_), ())), 3600)


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs the questions of `dns verify` against a played server: what it says of each subject."""

    def run(settings: TenantSettings, server: Played) -> dict[str, Any]:
        monkeypatch.setattr(dns_verify, "asked", lambda *_: [server])
        file: Any = StackFile("", "", settings, frozenset())  # type: ignore[arg-type]
        found = dns_verify._results(file, server.held, None, None, {}, {}, "settled")
        return {one.subject: one for one in found}

    yield run


def test_verify_compares_the_aaaa_and_evaluates_spf_for_each_egress_address(verified: Any) -> None:
    both = with_ipv6()
    results = verified(both, Played(records(both)))
    assert all(one.ok for one in results.values()), [one for one in results.values() if not one.ok]
    assert {f"{HOST} AAAA", f"SPF of acme.test for {SIX}", "SPF of acme.test for 10.99.1.4"} <= results.keys()
    without_term = [
        Record(r.zone, r.name, r.type, r.value.replace(f" ip6:{SIX}", ""), r.ttl, r.reason, r.owner)
        for r in records(both)
    ]
    results = verified(both, Played(without_term))
    assert results[f"SPF of acme.test for {SIX}"].said == "softfail" and results["SPF of acme.test for 10.99.1.4"].ok


def test_verify_sees_an_aaaa_that_nobody_planned(verified: Any) -> None:
    one = samples.settings()
    server = Played(records(one), {(HOST, "AAAA"): ("2a01:4f8::25",)})
    assert verified(one, server)[f"{HOST} AAAA"].state == "wrong"
    assert verified(one, Played(records(one)))[f"{HOST} AAAA"].said == "none, as planned"
    assert hosts_without_ipv6(with_ipv6()) == () and hosts_without_ipv6(one) == (HOST,)


def test_verify_asks_for_the_pointer_of_each_address_that_the_internet_can_have(verified: Any) -> None:
    document = samples.document()
    document["edge"] |= {"address6": "2a01:4f8::25"}
    one = samples.parse_settings(document, stack="acme")
    server = Played(records(one))
    results = verified(one, server)
    name = ip_address("2a01:4f8::25").reverse_pointer
    assert results[f"{name} PTR"].ok
    assert f"{one.edge.address.reverse_pointer} PTR" not in results, "nobody delegates 10.in-addr.arpa"


def test_preflight_finds_somebodys_address_at_our_name_in_the_platforms_zone() -> None:
    with CloudflareApi() as api:
        zone = api.zone("outboxment.test", [{"name": HOST, "type": "A", "content": "10.99.1.4", "ttl": 300}])
        client = Api(api.token(zone), api.base_url)
        hosts = {HOST: ("10.99.1.4", SIX), "mx2.acme.outboxment.test": ("10.99.1.5",)}
        assert [one.ok for one in addresses(client, zone, "outboxment.test", hosts)] == [True, True]
        for content in ("2a01:4f8::25", "FD00:0099:0::4"):
            made = api._made(zone, {"name": HOST, "type": "AAAA", "content": content, "ttl": 300})
            api.records[zone]["0" * 32] = {**made, "id": "0" * 32}
            first, other = addresses(client, zone, "outboxment.test", hosts)
            assert first.ok is (ip_address(content) == ip_address(SIX)) and other.ok
            assert first.ok or f"AAAA {content} stands there" in first.said
