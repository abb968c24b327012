"""Who logs in at the old host: what is remembered, who is recent, and who is still there after the cut-over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailtenant.migration.logins import CLIENTS, KEPT, Login, at_old_host, from_json, merged, recent

NOW = datetime(2026, 12, 20, 12, tzinfo=UTC)
CUT = NOW - timedelta(days=5)
JO = Login("jo@acme.test", "192.0.2.7", "imap", True, CUT - timedelta(hours=1))
ANN = replace(JO, address="ann@acme.test")


def denied(login: Login, ago: timedelta, client: str | None = None) -> Login:
    return replace(login, let_in=False, at=NOW - ago, client=client or login.client)


def test_the_newest_of_each_is_remembered_and_the_old_is_forgotten() -> None:
    newer, old = replace(JO, at=NOW), replace(ANN, at=NOW - KEPT)
    assert merged([JO, old], [newer, JO], NOW) == [newer]
    assert merged([newer], [JO], NOW) == [newer]
    assert from_json(one.as_json() for one in merged([JO], [ANN], NOW)) == [ANN, JO]


def test_who_guesses_passwords_from_everywhere_does_not_fill_the_list() -> None:
    guesses = [denied(JO, timedelta(minutes=number), f"198.51.100.{number}") for number in range(200)]
    kept = merged([JO], guesses, NOW)
    assert len(kept) == CLIENTS + 1 and JO in kept and guesses[0] in kept and guesses[-1] not in kept


def test_recent_are_those_who_were_let_in_newest_first() -> None:
    later = replace(ANN, at=NOW - timedelta(days=1))
    gone = replace(JO, client="192.0.2.9", at=NOW - timedelta(days=31))
    assert recent([JO, denied(ANN, timedelta(0)), later, gone], NOW) == [later, JO]


CASES = {
    "nobody came back": ((), []),
    "one tried an hour ago": ((denied(JO, timedelta(hours=1)),), [("jo@acme.test", True, True)]),
    "one tried three days ago and has changed since": (
        (denied(JO, timedelta(days=3)),), [("jo@acme.test", False, True)],
    ),
    "one was let in there, which must not be": (
        (replace(JO, at=NOW - timedelta(hours=2)),), [("jo@acme.test", True, True)],
    ),
    "a stranger guesses": ((denied(JO, timedelta(hours=1), "203.0.113.5"),), [("jo@acme.test", True, False)]),
    "two, the newest first": (
        (denied(JO, timedelta(hours=2)), denied(ANN, timedelta(hours=1))),
        [("ann@acme.test", True, True), ("jo@acme.test", True, True)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_who_is_still_at_the_old_host(case: str) -> None:
    after, wanted = CASES[case]
    found = at_old_host([JO, ANN, *after], CUT, NOW)
    assert [(one.address, one.still, one.known) for one in found] == wanted


def test_the_number_of_those_who_are_still_there_falls_to_zero() -> None:
    logins = [JO, ANN, denied(JO, timedelta(hours=30)), denied(ANN, timedelta(hours=2))]
    numbers = [
        sum(one.still for one in at_old_host([one for one in logins if one.at <= at], CUT, at))
        for at in (NOW - timedelta(hours=1), NOW, NOW + timedelta(hours=23))
    ]
    assert numbers == [1, 1, 0]
    assert sum(one.still for one in at_old_host(logins[:3], CUT, NOW - timedelta(hours=29))) == 1


def test_all_clients_of_a_mailbox_are_named_the_newest_first() -> None:
    later = denied(JO, timedelta(hours=1), "192.0.2.8")
    smtp = replace(denied(JO, timedelta(hours=2)), service="smtp")
    (one,) = at_old_host([JO, smtp, later], CUT, NOW)
    assert (one.clients, one.services) == (("192.0.2.8", "192.0.2.7"), ("imap", "smtp"))
    assert one.as_json()["last_seen"] == "2026-12-20T11:00:00+00:00"
