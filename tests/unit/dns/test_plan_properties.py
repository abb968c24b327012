"""What holds for every zone: SPF loses nothing, DMARC never weakens, adoption is the zone as it was."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mailtenant.dns.dkim import tags
from mailtenant.dns.managed import all_foreign, managed_slots, planned_records
from mailtenant.dns.pairing import pair
from mailtenant.dns.planner import plan
from mailtenant.dns.platform import egress
from mailtenant.dns.records import slot_of
from mailtenant.dns.spf import parse_spf
from mailtenant.dns.spf_check import RecordsResolver, spf_verdict
from mailtenant.settings.existing import PHASES, Phase

from .examples import HOSTS, SIXES, ZONE, held, tenant

_TERMS = st.one_of(
    HOSTS.map("include:{}".format), HOSTS.map("a:{}".format), st.ip_addresses(v=4).map("ip4:{}".format),
    st.ip_addresses(v=6).map("ip6:{}".format), st.just("ip6:fd00:99::4"),
    st.just("mx"), st.just("a"),
)  # fmt: skip
_SPF = st.tuples(st.lists(_TERMS, max_size=8, unique=True), st.sampled_from(("-all", "~all", "?all", ""))).map(
    lambda parts: " ".join(filter(None, ["v=spf1", *parts[0], parts[1]]))
)
_POLICIES = ("none", "quarantine", "reject")
_ZONES = st.lists(
    st.one_of(
        st.tuples(st.just(ZONE), st.just("MX"), HOSTS.map("10 {}".format), st.integers(60, 86400)),
        st.tuples(st.just(f"www.{ZONE}"), st.just("A"), st.ip_addresses(v=4).map(str), st.integers(60, 86400)),
        st.tuples(st.just(f"www.{ZONE}"), st.just("AAAA"), SIXES.map(str), st.integers(60, 86400)),
        st.tuples(st.just(ZONE), st.just("TXT"), HOSTS.map("site-verification={}".format), st.integers(60, 86400)),
        st.tuples(st.just(f"old._domainkey.{ZONE}"), st.just("TXT"), st.just("v=DKIM1; p=MIG"), st.just(3600)),
    ),
    max_size=8,
    unique_by=lambda record: record[:3],
)


def spf_of(records: Any) -> list[str]:
    return [r.value for r in records if r.name == ZONE and r.value.startswith("v=spf1")]


@given(
    _SPF, st.sampled_from(("additive", "cutover")), st.sampled_from(("include", "direct")),
    st.sampled_from((None, "fd00:99::4")),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_spf_keeps_every_term_once_until_settled_and_costs_ten_lookups_at_most(
    old: str, phase: Phase, mode: str, address6: str | None
) -> None:
    one = tenant(spf={"mode": mode}, address6=address6)
    made = plan(one, held((ZONE, "TXT", old, 3600)), phase)
    (text,) = spf_of(made.records)
    terms, before = [t.key for t in parse_spf(text)], [t.key for t in parse_spf(old)]
    assert set(before) <= set(terms) and len(terms) == len(set(terms))
    assert all(spf_verdict(parse_spf(text), ZONE, a, RecordsResolver(made.records)) == "pass" for a in egress(one))
    if not made.refused:
        cost = sum(term.name in ("include", "a", "mx", "ptr", "exists", "redirect") for term in parse_spf(text))
        assert cost <= 10


@given(
    st.sampled_from(_POLICIES), st.one_of(st.none(), st.sampled_from(_POLICIES)), st.sampled_from(_POLICIES),
    st.sampled_from(PHASES),
)  # fmt: skip
@settings(deadline=None)
def test_dmarc_is_never_weaker_than_it_was(old: str, sub: str | None, wished: str, phase: Phase) -> None:
    text = f"v=DMARC1; p={old}" + (f"; sp={sub}" if sub else "")
    wish = tenant().model_copy(update={"dmarc": tenant().dmarc.model_copy(update={"policy": wished})})
    made = plan(wish, held((f"_dmarc.{ZONE}", "TXT", text, 3600)), phase)
    (record,) = [r for r in made.records if r.name == f"_dmarc.{ZONE}"]
    now = tags(record.value)
    assert _POLICIES.index(now["p"]) >= _POLICIES.index(old)
    assert _POLICIES.index(now.get("sp", now["p"])) >= _POLICIES.index(sub or old)


@given(_ZONES)
@settings(deadline=None)
def test_adopted_is_the_zone_as_it_was_and_no_phase_plans_a_foreign_record(zone: Any) -> None:
    existing, one = held(*zone), tenant()
    ours = managed_slots(one, existing)[ZONE]
    kept = [r for r in planned_records(one, existing, "adopted") if r.owner == "customer"]
    assert sorted((r.name, r.type, r.value, r.ttl) for r in kept) == sorted(r for r in zone if slot_of(*r[:3]) in ours)
    foreign = {slot_of(r.name, r.type, r.value) for r in all_foreign(one, existing)[ZONE]}
    for phase in PHASES:
        planned = [r for r in planned_records(one, existing, phase) if r.zone == ZONE]
        assert not foreign & {r.slot for r in planned}


@given(_ZONES, st.sampled_from(PHASES))
@settings(deadline=None)
def test_a_planned_record_has_one_place_and_what_stays_keeps_it(zone: Any, phase: Phase) -> None:
    existing, one = held(*zone), tenant()
    planned = [r for r in planned_records(one, existing, phase) if r.zone == ZONE]
    paired = list(pair(planned, existing[ZONE].records))
    assert len({p.key for p in paired}) == len(planned)
    assert all(p.before is None or p.before.type == p.record.type for p in paired)
