"""Rounds over tenants: who is looked at and how, one that is broken among others, claims, and what is told."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from mailtenant.control import alerts
from mailtenant.control.alerts import Kind, Problem
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import MigrationRow, Tenant
from mailtenant.fleet.stacks import StackError
from mailtenant.fleet.suspension import note_of
from mailtenant.migration import State
from mailtenant.watch import rounds
from mailtenant.watch.asking import Looked, Questions
from mailtenant.watch.rounds import Turn, Watch
from mailtenant.watch.settings import WatchSettings
from mailtenant.workers.leases import Lease
from mailtenant.workflow import runs
from tests.unit.control.embedded import plane, template, url
from tests.unit.control.planes import clock_of, ready_customer

__all__ = ["plane", "template", "url"]
WRONG = Problem(Kind.DNS, "acme.test MX: missing", "add it")


@dataclass
class Played:
    """What tenants answer: tenant → question; and who was asked, as (tenant, gentle)."""

    answers: dict[str, Callable[[], Sequence[Problem]]] = field(default_factory=dict)
    asked: list[tuple[str, bool]] = field(default_factory=list)

    def questions(self, turn: Turn) -> Questions:
        def ask() -> Sequence[Problem]:
            self.asked.append((turn.tenant, turn.gentle))
            return self.answers.get(turn.tenant, list)()

        return Questions({Kind.DNS: ask})


def watch(plane: ControlPlane, folder: Path, played: Played, *there: str, **settings: Any) -> Watch:
    return Watch(plane, folder, WatchSettings(**settings), lambda: there, played.questions)


def customer(plane: ControlPlane, name: str, state: State) -> str:
    label = ready_customer(plane, name)
    with plane.database.write() as session:
        number = select(Tenant.id).where(Tenant.label == label).scalar_subquery()
        session.execute(update(MigrationRow).where(MigrationRow.tenant_id == number).values(state=state.value))
    return label


def kinds(plane: ControlPlane, tenant: str) -> list[tuple[str, bool]]:
    """Alerts of a tenant, oldest first, each with whether it is over."""
    with plane.database.read() as session:
        return [(one.kind, one.ended_at is not None) for one in alerts.listing(session, tenant)][::-1]


def test_moved_customers_and_tenants_that_run_are_looked_at_and_those_on_their_way_are_not(
    plane: ControlPlane, tmp_path: Path
) -> None:
    customer(plane, "Acme", State.COMPLETED)
    customer(plane, "Globex", State.HOLDING)
    customer(plane, "Initech", State.COPYING)
    note = note_of(tmp_path, "umbrella")
    note.parent.mkdir()
    note.write_text('{"since": "2026-11-01", "reason": "", "mailboxes": []}')
    made = watch(plane, tmp_path, Played(), "initech", "globex", "hooli", "umbrella")
    assert [(one.tenant, one.gentle) for one in made.turns()] == [
        ("acme", False), ("globex", True), ("hooli", False), ("umbrella", True),
    ]  # fmt: skip
    turns, left = made.named(["initech", "acme", "acme", "hooli"])
    assert [one.tenant for one in turns] == ["acme", "hooli"] and left == {"initech": "copying"}


def test_a_problem_is_told_once_and_its_end_once(plane: ControlPlane, tmp_path: Path) -> None:
    played = Played({"acme": lambda: [WRONG]})
    made = watch(plane, tmp_path, played, "acme")

    def told() -> tuple[int, int]:
        (found,) = made.round(made.turns())
        return len(found.new), len(found.over)

    assert [told(), told()] == [(1, 0), (0, 0)]
    played.answers.clear()
    assert [told(), told()] == [(0, 1), (0, 0)]
    assert kinds(plane, "acme") == [("dns", True)]


def test_what_was_on_at_a_tenant_that_was_taken_down_is_over(plane: ControlPlane, tmp_path: Path) -> None:
    played = Played({"acme": lambda: [WRONG], "globex": lambda: [WRONG]})
    made = watch(plane, tmp_path, played, "acme", "globex")
    made.round(made.turns())
    left = watch(plane, tmp_path, played, "globex")
    left.forget(left.turns())
    assert (kinds(plane, "acme"), kinds(plane, "globex")) == ([("dns", True)], [("dns", False)])


def test_what_is_right_at_the_second_question_is_no_problem(plane: ControlPlane, tmp_path: Path) -> None:
    answers = iter(([WRONG], []))
    played = Played({"acme": lambda: next(answers)})
    made = watch(plane, tmp_path, played, "acme")
    assert made.round(made.turns())[0].problems == ()
    assert len(played.asked) == 2


def test_one_broken_tenant_stops_no_other_and_ends_nothing(
    plane: ControlPlane, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    played = Played({"acme": lambda: [WRONG]})
    made = watch(plane, tmp_path, played, "acme", "globex", "hooli")
    made.round(made.turns())

    def silent() -> Sequence[Problem]:
        raise StackError("no passphrase")

    def defect() -> Sequence[Problem]:
        raise KeyError("ours")

    played.answers = {"acme": silent, "globex": defect}
    found = {one.tenant: one for one in made.round(made.turns())}
    assert [one.what for one in found["acme"].problems] == ["`dns` of acme could not be asked: no passphrase"]
    assert "a defect of ours (KeyError)" in found["globex"].problems[0].what and "KeyError" in caplog.text
    assert found["hooli"].problems == ()
    assert kinds(plane, "acme") == [("dns", False), ("not-asked", False)]
    played.answers.clear()
    made.round(made.turns())
    assert kinds(plane, "acme") == [("dns", True), ("not-asked", True)]


def test_a_tenant_whose_questions_cannot_even_be_made_is_a_problem(plane: ControlPlane, tmp_path: Path) -> None:
    def questions(turn: Turn) -> Questions:
        if turn.tenant == "acme":
            raise ValueError
        return Questions({})

    made = Watch(plane, tmp_path, WatchSettings(), lambda: ("acme", "globex"), questions)
    acme, globex = made.round(made.turns())
    assert not globex.problems and acme.problems[0].kind is Kind.NOT_ASKED


def test_no_more_than_a_few_are_looked_at_at_once(plane: ControlPlane, tmp_path: Path) -> None:
    both, at_once, most = threading.Barrier(2), [0], [0]
    lock = threading.Lock()

    def ask() -> Sequence[Problem]:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        both.wait(20)  # two do come together
        with lock:
            at_once[0] -= 1
        return []

    labels = [f"t{n}" for n in range(6)]
    made = watch(plane, tmp_path, Played(dict.fromkeys(labels, ask)), *labels, concurrency=2)
    assert [one.tenant for one in made.round(made.turns())] == labels
    assert most == [2]


def test_two_workers_share_the_tenants(plane: ControlPlane, tmp_path: Path) -> None:
    played = Played()
    one, two = (watch(plane, tmp_path, played, "acme", "globex") for _ in range(2))
    assert len(one.round(one.turns(), due=True)) == 2
    assert len(two.round(two.turns(), due=True)) == 0
    clock_of(plane).turn(seconds=3600)
    assert len(two.round(two.turns(), due=True)) == 2
    # A person who asks is answered now.
    assert len(one.round(one.turns())) == 2


def test_the_loop_goes_on_after_a_failed_round_and_ends_when_told(
    plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, rounds_done = threading.Event(), []

    def turns(self: Watch) -> Sequence[Turn]:
        rounds_done.append(1)
        if len(rounds_done) == 1:
            raise RuntimeError("the engine is away")
        stop.set()
        return []

    monkeypatch.setattr(Watch, "turns", turns)
    monkeypatch.setattr(stop, "wait", lambda seconds: None)
    rounds.run(watch(plane, tmp_path, Played()), stop)
    assert len(rounds_done) == 2
    rounds.run(watch(plane, tmp_path, Played(), pause=0), threading.Event())
    assert len(rounds_done) == 2


def test_moves_without_a_living_worker_are_told_and_their_end(plane: ControlPlane) -> None:
    assert rounds.settle_workers(plane) == []
    customer(plane, "Acme", State.SCHEDULED)
    lease = Lease(plane.database)
    lease.begin()
    runs.open_runs(plane, lease)
    assert rounds.settle_workers(plane) == []
    lease.end()
    (problem,) = rounds.settle_workers(plane)
    assert problem.kind is Kind.NO_WORKER and "1 moves are under way" in problem.what
    another = Lease(plane.database)
    another.begin()
    assert rounds.settle_workers(plane) == []
    assert kinds(plane, alerts.EVERYBODY) == [("no-worker", True)]


def test_what_was_found_is_shown_with_its_page() -> None:
    shown = Looked("acme", (WRONG,), facts={"certificate_days": {"mail": 300}}).as_json()
    assert (shown["ok"], shown["certificate_days"]) == (False, {"mail": 300})
    assert shown["problems"][0]["page"] == "docs/alerts.md#dns"
