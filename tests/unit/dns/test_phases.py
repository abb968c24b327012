"""Sheets and waits: what a person reads between two phases."""

from datetime import timedelta

import pytest

from mailtenant.dns.managed import planned_records
from mailtenant.dns.sheet import rows
from mailtenant.dns.snapshot import SnapshotError, of_zone_file
from mailtenant.dns.wait import wait_before
from tests.samples import NOW

from .examples import ZONE, held, tenant

OLD = held(
    (ZONE, "MX", "10 mx1.old.example", 14400),
    (ZONE, "MX", "20 mx2.old.example", 14400),
    (ZONE, "TXT", "v=spf1 include:_spf.old.example -all", 3600),
    (ZONE, "TXT", "google-site-verification=x", 3600),
)


def steps(earlier: str, later: str) -> list[tuple[str, str, str, str]]:
    one = tenant(leaving=["include:_spf.old.example"])
    before, after = (planned_records(one, OLD, phase) for phase in (earlier, later))  # type: ignore[arg-type]
    return [(row.action, row.type, row.old, row.new) for row in rows(before, after) if row.name == ZONE]


def test_the_additive_phase_adds_to_spf_and_only_lowers_the_ttl_of_mx() -> None:
    assert steps("adopted", "additive") == [
        ("change", "MX", "10 mx1.old.example", "10 mx1.old.example"),
        ("change", "MX", "20 mx2.old.example", "20 mx2.old.example"),
        ("change", "TXT", "v=spf1 include:_spf.old.example -all",
         "v=spf1 include:_spf.acme.outboxment.test include:_spf.old.example -all"),
    ]  # fmt: skip


def test_the_cut_over_changes_one_exchange_and_removes_the_other() -> None:
    assert steps("additive", "cutover") == [
        ("change", "MX", "10 mx1.old.example", "10 acme.outboxment.test"),
        ("remove", "MX", "20 mx2.old.example", ""),
    ]


def test_settled_lets_go_of_what_leaves() -> None:
    assert ("change", "TXT", "v=spf1 include:_spf.acme.outboxment.test include:_spf.old.example -all",
            "v=spf1 include:_spf.acme.outboxment.test -all") in steps("cutover", "settled")  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "ttl", "seconds"), [("manual", 14400, 14400), ("godaddy", 60, 600), ("cloudflare", 1, 300)]
)
def test_the_wait_is_the_old_ttl_as_resolvers_saw_it(provider: str, ttl: int, seconds: int) -> None:
    wait = wait_before(tenant(provider), held((ZONE, "MX", "10 mx.old.example", ttl)), "additive", "cutover")
    assert wait.length == timedelta(seconds=seconds)


def test_without_old_records_there_is_nothing_to_wait_for() -> None:
    assert not wait_before(tenant(), {}, "additive", "cutover").length


def test_the_sheet_writes_names_as_forms_want_them() -> None:
    made = rows([], [r for r in planned_records(tenant()) if r.owner == "customer"])
    names = {row.name: row.name_at_godaddy for row in made}
    assert names[ZONE] == "@" and names[f"_dmarc.{ZONE}"] == "_dmarc"


def test_a_zone_file_is_taken_without_what_belongs_to_the_dns_host() -> None:
    text = (
        "$TTL 3600\n@ SOA ns1.h.example. root.h.example. 1 2 3 4 5\n@ NS ns1.h.example.\nsub NS ns2.h.example.\n"
        '@ 600 MX 10 mx.h.example.\n@ TXT "v=spf1 " "-all"\n_imaps._tcp SRV 0 1 993 mx.h.example.\n'
    )
    found = {(r.name, r.type, r.value, r.ttl) for r in of_zone_file(text, ZONE, NOW).records}
    assert found == {
        (f"sub.{ZONE}", "NS", "ns2.h.example", 3600), (ZONE, "MX", "10 mx.h.example", 600),
        (ZONE, "TXT", "v=spf1 -all", 3600), (f"_imaps._tcp.{ZONE}", "SRV", "0 1 993 mx.h.example", 3600),
    }  # fmt: skip


def test_what_is_no_zone_file_is_refused() -> None:
    with pytest.raises(SnapshotError, match=r"no zone file of acme\.com"):
        of_zone_file("<html>", ZONE, NOW)
