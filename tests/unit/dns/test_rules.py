"""A zone or a wish that breaks a rule is told so by the rule's id, with the record and a fix."""

from typing import Any

import pytest

from mailtenant.dns.planner import PlanRefused, plan, records
from mailtenant.dns.rules.catalogue import RULES

from .examples import ZONE, held, tenant

LONG = " ".join(f"include:s{number}.example" for number in range(11))
BROKEN: list[tuple[str, str, dict[str, Any], list[tuple[str, str, str, int]]]] = [
    ("SPF-1", "two SPF records", {}, [(ZONE, "TXT", "v=spf1 -all", 300), (ZONE, "TXT", "v=spf1 mx -all", 300)]),
    ("SPF-2", "more than ten lookups", {}, [(ZONE, "TXT", f"v=spf1 {LONG} -all", 300)]),
    ("SPF-4", "everybody may send", {}, [(ZONE, "TXT", "v=spf1 +all", 300)]),
    ("SPF-4", "a word that is no term", {}, [(ZONE, "TXT", "v=spf1 inlcude:a.example -all", 300)]),
    ("SPF-5", "a network as wide as a country", {}, [(ZONE, "TXT", "v=spf1 ip4:10.0.0.0/8 -all", 300)]),
    ("DMARC-1", "two DMARC records", {},
     [(f"_dmarc.{ZONE}", "TXT", "v=DMARC1; p=none", 300), (f"_dmarc.{ZONE}", "TXT", "v=DMARC1; p=reject", 300)]),
    ("DMARC-3", "a tag that is not written any more", {}, [(f"_dmarc.{ZONE}", "TXT", "v=DMARC1; p=none; pct=50", 300)]),
    ("OWN-1", "a key of somebody at our selector", {},
     [(f"mt1._domainkey.{ZONE}", "TXT", "v=DKIM1; p=MIGfMA0", 300)]),
    ("OWN-1", "a name without mail that has mail", {"no_mail": [f"shop.{ZONE}"]},
     [(f"shop.{ZONE}", "MX", "10 mx.shop.example", 300)]),
    ("OWN-1", "a name given to others", {}, [(f"_dmarc.{ZONE}", "NS", "ns.service.example", 300)]),
    ("OWN-1", "a name below one given to others", {}, [(f"_domainkey.{ZONE}", "NS", "ns.service.example", 300)]),
    ("NAME-3", "an alias where we need a record", {}, [(f"_dmarc.{ZONE}", "CNAME", "d.example", 300)]),
    ("STS-2", "enforced without reports", {"mta_sts": "enforce"}, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "domain", "zone"), [(b[0], b[2], b[3]) for b in BROKEN], ids=[f"{b[0]} {b[1]}" for b in BROKEN]
)
def test_a_broken_rule_is_named(rule: str, domain: dict[str, Any], zone: list[tuple[str, str, str, int]]) -> None:
    one = tenant()
    if domain:
        (first,) = one.domains
        one = one.model_copy(update={"domains": (first.model_copy(update=domain),)})
    found = [finding for finding in plan(one, held(*zone), "additive").findings if finding.rule == rule]
    assert found, [str(finding) for finding in plan(one, held(*zone), "additive").findings]
    assert all(finding.fix and finding.record and finding.level in ("E", "W") for finding in found)


def test_a_level_e_finding_refuses_the_plan_with_every_problem() -> None:
    two = held((ZONE, "TXT", "v=spf1 +all", 300), (f"mt1._domainkey.{ZONE}", "TXT", "v=DKIM1; p=MIG", 300))
    with pytest.raises(PlanRefused) as refused:
        records(tenant(), two, "additive")
    assert "SPF-4" in str(refused.value) and "OWN-1" in str(refused.value)


def test_a_zone_at_a_provider_without_a_snapshot_is_warned_of() -> None:
    found = plan(tenant("cloudflare"), {}, "additive").findings
    assert [finding.rule for finding in found if finding.rule.startswith("OWN")] == ["OWN-2"]
    assert not [finding for finding in found if finding.level == "E"]


def test_a_clean_plan_says_nothing_but_what_rfc_1918_makes_it_say() -> None:
    assert not [finding for finding in plan(tenant()).findings if finding.level == "E"]
    assert {finding.rule for finding in plan(tenant()).findings} <= RULES.keys()
