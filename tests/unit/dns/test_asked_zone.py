"""A zone that is asked for name by name: aliases are aliases, and what a wildcard answers is nobody's record."""

import pytest

from mailtenant.dns.asked_zone import NOBODYS, of_answers
from mailtenant.dns.lookup import Answers
from mailtenant.dns.records import Slot
from mailtenant.dns.snapshot import SnapshotError
from mailtenant.dns.verify import Seen
from tests.samples import NOW

from .examples import ZONE


class Played(Answers):
    """Answers from a table; `*` stands for every name that is not in it."""

    def __init__(self, held: dict[tuple[str, str], Seen]) -> None:
        super().__init__("127.0.0.1", "played")
        self.held = held

    def ask(self, name: str, type_: str) -> Seen:
        return self.held.get((name, type_)) or self.held.get(("*", type_)) or Seen()


DMARC = Slot(f"_dmarc.{ZONE}", "TXT", "DMARC1")
CLIENTS = Slot(f"autoconfig.{ZONE}", "CNAME", "")


def found(held: dict[tuple[str, str], Seen], *slots: Slot) -> list[tuple[str, str, str]]:
    return [(r.name, r.type, r.value) for r in of_answers(ZONE, slots, Played(held), NOW, Played(held)).records]


def test_what_an_alias_leads_to_is_not_taken_for_the_names_own() -> None:
    behind = Seen(("v=DMARC1; p=none",), 300, alias="d.service.example")
    held = {(DMARC.name, "TXT"): behind, (DMARC.name, "CNAME"): Seen(("d.service.example",), 300)}
    assert found(held, DMARC) == [(DMARC.name, "CNAME", "d.service.example")]


def test_an_address_where_an_alias_is_wanted_is_found() -> None:
    held = {(CLIENTS.name, "A"): Seen(("192.0.2.1",), 300)}
    assert found(held, CLIENTS) == [(CLIENTS.name, "A", "192.0.2.1")]


@pytest.mark.parametrize(("type_", "value"), [("CNAME", "web.example"), ("TXT", "v=DMARC1; p=none")])
def test_what_a_wildcard_answers_is_left_out(type_: str, value: str) -> None:
    assert found({("*", type_): Seen((value,), 300)}, DMARC, CLIENTS) == []


def test_a_record_beside_a_wildcard_is_found() -> None:
    held = {("*", "TXT"): Seen(("v=DMARC1; p=none",), 300), (DMARC.name, "TXT"): Seen(("v=DMARC1; p=reject",), 60)}
    assert found(held, DMARC) == [(DMARC.name, "TXT", "v=DMARC1; p=reject")]


def test_a_name_that_is_given_to_others_is_found() -> None:
    held = {("_dmarc.acme.com", "NS"): Seen(("ns.service.example",), 300)}
    assert found(held, DMARC) == [(DMARC.name, "NS", "ns.service.example")]


def test_a_server_that_says_nothing_stops_the_snapshot() -> None:
    with pytest.raises(SnapshotError, match="cannot be asked for: no answer"):
        found({("*", "CNAME"): Seen(problem="no answer")}, DMARC)


def test_the_name_that_nobody_has_is_one_label() -> None:
    assert "." not in NOBODYS and len(NOBODYS) < 64
