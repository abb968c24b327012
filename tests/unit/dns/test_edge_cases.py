"""Zones as they are found: odd texts, odd names, records whose meaning changes with the move."""

from datetime import timedelta
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mailtenant.dns.cloudflare_form import cloudflare_existing, plain
from mailtenant.dns.dkim import tags
from mailtenant.dns.godaddy_form import godaddy_existing, godaddy_sets
from mailtenant.dns.managed import planned_records
from mailtenant.dns.planner import plan
from mailtenant.dns.presentation import quoted, unquoted
from mailtenant.dns.records import Record, split_text, text_kind, to_octets, to_text
from mailtenant.dns.snapshot import of_zone_file
from mailtenant.dns.spf import parse_spf
from mailtenant.dns.wait import wait_before
from mailtenant.dns.zonefile import local_zones, zone_text
from mailtenant.settings.existing import Phase
from tests.samples import NOW

from .examples import ZONE, held, tenant

OLD_MX = [(ZONE, "MX", "10 MX1.Old.example", 300), (ZONE, "MX", "20 mx2.old.example", 300)]


def terms(records: object, name: str = ZONE) -> list[str]:
    (text,) = [r.value for r in records if r.name == name and r.value.startswith("v=spf1")]  # type: ignore[attr-defined]
    return [term.text for term in parse_spf(text)]


@pytest.mark.parametrize("word", ["mx", f"mx:{ZONE}", "MX"])
@pytest.mark.parametrize("phase", ["additive", "cutover"])
def test_the_old_exchangers_may_send_until_settled_though_mx_comes_to_mean_ours(word: str, phase: Phase) -> None:
    existing = held(*OLD_MX, (ZONE, "TXT", f"v=spf1 {word} ?mx/24 -all", 300))
    ours = "include:_spf.acme.outboxment.test"
    assert terms(planned_records(tenant(), existing, phase)) == [
        ours, word, "a:mx1.old.example", "a:mx2.old.example",
        "?mx/24", "?a:mx1.old.example/24", "?a:mx2.old.example/24", "-all",
    ]  # fmt: skip
    assert terms(planned_records(tenant(), existing, "settled")) == [ours, word, "?mx/24", "-all"]


def test_mx_of_another_domain_stays_as_it_is() -> None:
    existing = held(*OLD_MX, (ZONE, "TXT", "v=spf1 mx:other.example -all", 300))
    assert "a:mx1.old.example" not in terms(planned_records(tenant(), existing, "cutover"))


def test_the_cut_over_waits_for_the_old_spf_as_well() -> None:
    existing = held((ZONE, "MX", "10 mx.old.example", 300), (ZONE, "TXT", "v=spf1 a:mx.old.example -all", 86400))
    wait = wait_before(tenant(), existing, "additive", "cutover")
    assert wait.length == timedelta(days=1) and f"{ZONE} TXT" in wait.reason


@pytest.mark.parametrize(("phase", "level"), [("additive", "W"), ("cutover", "E")])
def test_somebody_elses_mta_sts_policy_must_not_outlive_the_old_mx(phase: Phase, level: str) -> None:
    existing = held((f"_mta-sts.{ZONE}", "TXT", "v=STSv1; id=1", 300))
    found = [finding for finding in plan(tenant(), existing, phase).findings if finding.rule == "STS-2"]
    assert [finding.level for finding in found] == [level] and "mta_sts: testing" in found[0].fix


@pytest.mark.parametrize(
    "text", ["v = DMARC1; p=reject", "V=dmarc1;p=reject", "v=DMARC1 ;p=reject", "v=DMARC1;p=reject"]
)
def test_a_policy_with_blanks_or_capitals_is_the_one_to_merge_with(text: str) -> None:
    made = planned_records(tenant(), held((f"_dmarc.{ZONE}", "TXT", text, 300)), "additive")
    (record,) = [r for r in made if r.name == f"_dmarc.{ZONE}"]
    assert record.value.startswith("v=DMARC1; p=reject")


def test_only_an_spf_record_is_one() -> None:
    texts = {"v=spf1": "spf1", "V=SPF1 -all": "spf1", "v=spf10 -all": "", "v = spf1 -all": "", "v=spf1;a": ""}
    assert {text: text_kind(ZONE, text) for text in texts} == texts


def test_newer_tags_are_kept_and_a_percentage_is_told_of() -> None:
    old = "v=DMARC1; p=quarantine; sp=none; np=reject; psd=n; pct=20; rua=mailto:a@acme.com!10m"
    made = plan(tenant(), held((f"_dmarc.{ZONE}", "TXT", old, 300)), "settled")
    (record,) = [r for r in made.records if r.name == f"_dmarc.{ZONE}"]
    kept = tags(record.value)
    assert (kept["sp"], kept["np"], kept["psd"]) == ("none", "reject", "n") and "pct" not in kept
    assert kept["rua"].startswith("mailto:a@acme.com!10m")
    assert any("pct=20" in finding.message and "to all mail" in finding.message for finding in made.findings)


def test_no_percent_is_said_in_the_words_of_today() -> None:
    (record,) = [
        r
        for r in planned_records(
            tenant(), held((f"_dmarc.{ZONE}", "TXT", "v=DMARC1; p=reject; pct=0", 300)), "additive"
        )
        if r.name == f"_dmarc.{ZONE}"
    ]
    assert tags(record.value)["t"] == "y"


def test_upper_case_hosts_are_host_names() -> None:
    found = plan(tenant(), held(*OLD_MX), "additive").findings
    assert not [finding for finding in found if finding.rule in ("NAME-1", "MX-2")]


@given(st.binary(max_size=600))
def test_every_octet_of_a_text_survives_yaml_and_every_form(octets: bytes) -> None:
    text = to_text(octets)
    assert to_octets(text) == octets == b"".join(split_text(text))
    assert unquoted(quoted(text)) == text
    out = StringIO()
    YAML().dump({"value": text}, out)
    out.getvalue().encode()  # no lone surrogate
    if text.isprintable():
        assert YAML(typ="safe").load(out.getvalue())["value"] == text


def test_a_text_in_latin_1_comes_out_of_the_local_zone_as_it_was() -> None:
    (record,) = of_zone_file('@ 300 TXT "M\\252ller \\\\ \\"x\\""\n', ZONE, NOW).records
    assert to_octets(record.value) == b'M\xfcller \\ "x"'
    text = zone_text(ZONE, [Record(ZONE, ZONE, "TXT", record.value, 300, "", "customer")], f"h.{ZONE}")
    assert record.value in [one.value for one in of_zone_file(text, ZONE, NOW).records]


def test_a_part_of_a_local_zone_that_is_somebody_elses_stays_theirs() -> None:
    existing = held((f"shop.{ZONE}", "NS", "ns.shop.example", 3600), (ZONE, "NS", "ns.old.example", 3600))
    (zone,) = [one for one in local_zones(tenant("local"), existing, "settled") if one.name == ZONE]
    assert f"shop.{ZONE}. 3600 IN NS ns.shop.example." in zone.text and "ns.old.example" not in zone.text


def test_a_text_at_cloudflare_with_a_stray_quote_is_taken_as_it_is() -> None:
    content = '"v=verification'
    assert plain({"type": "TXT", "content": content}) == content
    found = {"name": ZONE, "type": "TXT", "content": content, "ttl": 1, "id": "0" * 32}
    assert cloudflare_existing(found).raw["content"] == content


@pytest.mark.parametrize("type_", ["CNAME", "MX"])
def test_godaddys_at_sign_is_the_zone_and_is_written_back_as_it_was(type_: str) -> None:
    raw = {"name": "autoconfig", "type": type_, "data": "@", "ttl": 3600, **({"priority": 5} if type_ == "MX" else {})}
    existing = godaddy_existing(raw, ZONE)
    assert existing.value == ("5 acme.com" if type_ == "MX" else ZONE)
    ((_, values),) = godaddy_sets([existing], ZONE, [existing]).items()
    assert values[0]["data"] == "@"
