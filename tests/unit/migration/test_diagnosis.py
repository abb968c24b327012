"""Each rule of a diagnosis: what it lets pass, what it names, and the fix."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailtenant.migration import Migration, Side, State
from mailtenant.migration import diagnosis as d
from mailtenant.migration.evidence import Failure
from mailtenant.migration.logins import OldHostUser
from mailtenant.migration.sides import Activity

NOW = datetime(2026, 12, 20, 12, tzinfo=UTC)
CUT = NOW - timedelta(days=2)
MOVED = Migration(state=State.HOLDING, serving=Side.TENANT, cut_over_at=CUT)
HOST, OLD = "acme.outboxment.com", ("smtp.old.test", "imap.old.test")
USER = OldHostUser("jo@acme.test", NOW, ("192.0.2.7",), ("imap",), still=True, known=True)


def task(state: str, ago: timedelta, kind: str = "dns.push") -> d.TaskSeen:
    return d.TaskSeen("t1", kind, state, "no room", NOW - ago)


CASES: dict[str, tuple[d.Diagnosis, bool, str, str]] = {
    "a move that goes on": (d.move("acme", MOVED), True, "holding", ""),
    "a failed one": (
        d.move("acme", replace(MOVED, state=State.FAILED, failure=Failure("verifying", "probes are red", "mend them"))),
        False, "during verifying: probes are red", "mend them; then mailtenant migrate retry acme",
    ),
    "userinfo names the tenant": (d.userinfo("acme", Side.TENANT, (HOST, HOST), OLD, HOST), True, HOST, ""),
    "userinfo names the old pair": (d.userinfo("acme", Side.SHARED, OLD, OLD, HOST), True, "smtp.old.test", ""),
    "userinfo was left behind": (d.userinfo("acme", Side.TENANT, OLD, OLD, HOST), False, HOST, "rehost acme"),
    "userinfo is mixed": (d.userinfo("acme", Side.TENANT, (HOST, OLD[1]), OLD, HOST), False, "imap.old.test", "rehost"),
    "a step that fails": (
        d.run("acme", MOVED, 2, "no answer", worker=True, active=True),
        False, "failed 2 times: no answer", "status acme",
    ),
    "no worker": (d.run("acme", MOVED, 0, "", worker=False, active=True), False, "no worker", "migrate run"),
    "nothing to do and no worker": (d.run("acme", MOVED, 0, "", worker=False, active=False), True, "nothing", ""),
    "it waits": (d.run("acme", MOVED, 0, "the hold", worker=True, active=True), True, "the hold", ""),
    "all delivered": (d.messages("acme", []), True, "delivered", ""),
    "one given up": (d.messages("acme", [(7, "completed", "550 no such user")]), False, "550", "retry 7"),
    "nobody looked": (d.old_host("acme", None, None), False, "not read", "migrate logins acme"),
    "all have changed": (d.old_host("acme", [replace(USER, still=False)], NOW), True, "1 were seen", ""),
    "one is still there": (d.old_host("acme", [USER], NOW), False, "jo@acme.test from 192.0.2.7", "/api/userinfo/"),
    "a stranger": (d.old_host("acme", [replace(USER, known=False)], NOW), False, "maybe strangers", ""),
    "late mail": (d.late([(NOW, {"jo@acme.test": 2})]), True, "jo@acme.test (2)", ""),
    "not to be asked": (d.failed("check", "no engine", "start it"), False, "no engine", "start it"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    found, ok, evidence, fix = CASES[case]
    assert found.ok is ok
    assert evidence in found.evidence and fix in found.fix
    assert bool(found.fix) is not ok


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        ([], []),
        ([task("COMPLETED", timedelta(days=1)), task("RUNNING", timedelta(minutes=5))], []),
        ([task("FAILED", timedelta(days=1))], ["failed: no room"]),
        ([task("FAILED", timedelta(days=3))], []),
        ([task("PENDING", timedelta(hours=2))], ["PENDING for 2 h"]),
        ([task("PENDING", timedelta(hours=2), "domain.add")], ["domain.add"]),
    ],
)
def test_tasks_that_failed_since_the_cut_over_or_wait_too_long(seen: list[d.TaskSeen], wanted: list[str]) -> None:
    found = [one for one in d.tasks("acme", seen, CUT, NOW) if not one.ok]
    assert len(found) == len(wanted)
    assert all(text in one.evidence and one.fix for one, text in zip(found, wanted, strict=True))


QUIET, HELD, MANY = Activity(0, 0, 0), Activity(0, 0, 3), Activity(2, 0, 99)
QUEUES = {
    "all quiet": ((Side.TENANT, QUIET, Activity(4, 1, 3)), []),
    "mail is stuck at the old host": ((Side.TENANT, HELD, QUIET), ["queue-old"]),
    "people are logged in at the old host": ((Side.TENANT, Activity(1, 0, 0), QUIET), ["queue-old"]),
    "the new side's queue grows": ((Side.TENANT, QUIET, MANY), ["queue-new"]),
    "rolled back, and the new side holds mail": ((Side.SHARED, QUIET, HELD), ["queue-new"]),
    "rolled back, and people are served": ((Side.SHARED, Activity(9, 1, 9), QUIET), []),
    "a side that was not asked": ((Side.TENANT, None, QUIET), []),
}


@pytest.mark.parametrize("case", QUEUES)
def test_queues(case: str) -> None:
    given, wanted = QUEUES[case]
    found = d.queues("acme", *given)
    assert [one.rule for one in found if not one.ok] == wanted
    assert all(one.fix for one in found if not one.ok)


def test_the_old_host_must_deny_logins() -> None:
    assert [one.ok for one in d.denied([])] == [True]
    (open_,) = d.denied(["imap @acme.test"])
    assert not open_.ok and "imap @acme.test" in open_.evidence and "0014" in open_.fix
    assert d.denied(None) == []
