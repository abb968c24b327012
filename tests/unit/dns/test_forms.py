"""One plan, many forms: Cloudflare's, GoDaddy's, the zone file and the sheet say the same, to the octet."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtenant.cli.dns_plan import _csv
from mailtenant.dns.cloudflare_form import cloudflare_existing, cloudflare_form, plain
from mailtenant.dns.godaddy_form import GodaddyFormError, godaddy_existing, godaddy_sets
from mailtenant.dns.presentation import quoted, unquoted
from mailtenant.dns.records import Record
from mailtenant.dns.sheet import rows
from mailtenant.dns.snapshot import of_zone_file
from mailtenant.dns.zonefile import record_lines, zone_text

from .examples import RECORDS, TEXTS, ZONE, values

Read = list[tuple[str, str, str, int]]


def by_cloudflare(records: Sequence[Record]) -> Read:
    forms = [cloudflare_form(record) for record in records]
    found = [cloudflare_existing({**form, "id": "0" * 32, "content": form.get("content", "")}) for form in forms]
    return sorted({(r.name, r.type, r.value, r.ttl) for r in found})


def by_godaddy(records: Sequence[Record]) -> Read:
    sets = godaddy_sets(records, ZONE)
    raw = [{**value, "name": name, "type": type_} for (name, type_), held in sets.items() for value in held]
    found = [godaddy_existing(json.loads(json.dumps(one)), ZONE) for one in raw]
    return sorted({(r.name, r.type, r.value, r.ttl) for r in found})


def by_zone_file(records: Sequence[Record]) -> Read:
    found = of_zone_file("\n".join(record_lines(records)) + "\n", ZONE, datetime.now(UTC)).records
    return sorted({(r.name, r.type, r.value, r.ttl) for r in found})


def by_json(records: Sequence[Record]) -> Read:
    found = json.loads(json.dumps([row.as_dict() for row in rows([], records)]))
    return sorted({(r["name"], r["type"], r["new"], r["ttl"]) for r in found})


def by_csv(records: Sequence[Record]) -> Read:
    found = csv.DictReader(io.StringIO(_csv(rows([], records)), newline=""))
    return sorted({(r["name"], r["type"], r["new"], int(r["ttl"])) for r in found})


FORMS: dict[str, Callable[[Sequence[Record]], Read]] = {
    "Cloudflare": by_cloudflare, "GoDaddy": by_godaddy, "zone file": by_zone_file, "JSON": by_json, "CSV": by_csv,
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@given(record=RECORDS)
def test_what_is_written_is_read_back_exactly(form: str, record: Record) -> None:
    assert FORMS[form]([record]) == values([record])


@given(TEXTS)
def test_a_text_in_quotes_is_the_text(text: str) -> None:
    assert unquoted(quoted(text)) == text


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=256, max_size=2000))
def test_no_string_in_quotes_is_longer_than_255_octets(text: str) -> None:
    zone = dns.zone.from_text(
        zone_text(ZONE, [Record(ZONE, ZONE, "TXT", text, 300, "", "customer")], f"h.{ZONE}"), ZONE
    )
    (rdata,) = zone.find_rdataset("@", "TXT")
    assert b"".join(rdata.strings).decode() == text and max(map(len, rdata.strings)) <= 255


def test_a_text_that_cloudflare_holds_without_quotes_is_read_whole() -> None:
    record = {"type": "TXT", "content": "v=spf1 include:a.example -all"}
    assert plain(record) == "v=spf1 include:a.example -all"


def test_a_text_too_long_for_godaddy_is_refused_with_the_way_out() -> None:
    record = Record(ZONE, f"k._domainkey.{ZONE}", "TXT", "p" * 1025, 3600, "", "customer")
    with pytest.raises(GodaddyFormError, match="dkim_mode: cname"):
        godaddy_sets([record], ZONE)
