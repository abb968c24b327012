"""Tasks on DBOS: done, failed, cancelled, waiting for a move, and taken over from a killed worker."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from mailtenant.control import customers
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Mailbox, Task
from mailtenant.migration import State
from mailtenant.tasks import book, durable
from mailtenant.tasks.durable import TaskWorker
from mailtenant.tasks.kinds import perform
from tests.unit.control.planes import ACTOR, add_customer, advance, ready_customer
from tests.unit.tasks.file_system import FileSystem

TREE = Path(__file__).resolve().parents[3]
DEADLINE = 120


def until(probe: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + DEADLINE
    while not (found := probe()):
        assert time.monotonic() < end, what
        time.sleep(0.1)
    return found


def asked(plane: ControlPlane, label: str, kind: str, given: dict[str, Any], key: str | None = None) -> str:
    with plane.database.write() as session:
        tenant = customers.find(session, label)
        return book.ask(plane, session, tenant.id, kind, given, actor=ACTOR, key=key).id


def mailbox(plane: ControlPlane, label: str, address: str) -> int:
    with plane.database.write() as session:
        tenant = customers.find(session, label)
        domain = customers.domains(session, tenant.id)[0]
        box = Mailbox(
            tenant_id=tenant.id, domain_id=domain.id, address=address, name="", password_hash="{ARGON2ID}x",
            state="creating", created_at=plane.now(),
        )  # fmt: skip
        session.add(box)
        session.flush()
        return box.id


def state(plane: ControlPlane, identity: str) -> Task:
    with plane.database.read() as session:
        return session.get_one(Task, identity)


def ended(plane: ControlPlane, identity: str) -> Task:
    def look() -> Task | None:
        row = state(plane, identity)
        return row if row.state in book.ENDED else None

    found: Task = until(look, f"the task ends; now {state(plane, identity).state}")
    return found


class TaskCases:
    @pytest.fixture
    def system(self, tmp_path: Path) -> FileSystem:
        return FileSystem(tmp_path / "system")

    @pytest.fixture
    def worker(self, plane: ControlPlane, system: FileSystem) -> Iterator[TaskWorker]:
        made = TaskWorker(plane, system, tick=0.1, lease=2)
        made.start()
        yield made
        made.stop()

    @pytest.mark.usefixtures("worker")
    def test_tasks_are_done_fail_and_are_cancelled(self, plane: ControlPlane, system: FileSystem) -> None:
        """One worker for all of it: starting DBOS is the costly part."""
        add_customer(plane, "Acme", "acme.test", "bad.test")
        verified = asked(plane, "acme", "dns.verify", {"domains": ["acme.test", "bad.test"]})
        row = ended(plane, verified)
        assert (row.state, row.progress) == (book.COMPLETED, 100)
        assert [one["fullyVerified"] for one in row.outputs["results"]] == [True, False]
        with plane.database.read() as session:
            tenant = customers.find(session, "acme")
            seen = {one.name: one.verified_at for one in customers.domains(session, tenant.id)}
        assert seen == {"acme.test": plane.now(), "bad.test": None}

        number = mailbox(plane, "acme", "jo@acme.test")
        made = ended(plane, asked(plane, "acme", "mailbox.add", {"mailbox": number}))
        assert made.state == book.COMPLETED
        with plane.database.read() as session:
            box = session.get_one(Mailbox, number)
        # Once the mail system has the hash, it is nowhere else.
        assert (box.state, box.password_hash) == ("active", "")

        # Somebody made it at the mail system itself: it is not taken over with another password.
        system.add("there@acme.test", "", "{ARGON2ID}y")
        taken = mailbox(plane, "acme", "there@acme.test")
        before = system.calls
        refused = ended(plane, asked(plane, "acme", "mailbox.add", {"mailbox": taken}))
        assert (refused.state, system.calls) == (book.FAILED, before)
        assert "exists already" in refused.message
        with plane.database.read() as session:
            assert session.get(Mailbox, taken) is None

        refreshed = ended(plane, asked(plane, "acme", "mailbox.refresh", {}))
        assert refreshed.outputs["results"][0]["said"] == "2 there, 1 new, 0 gone"
        removed = ended(plane, asked(plane, "acme", "mailbox.remove", {"mailbox": number}))
        assert removed.state == book.COMPLETED
        with plane.database.read() as session:
            assert session.get(Mailbox, number) is None

        once = {asked(plane, "acme", "dns.push", {"domains": ["acme.test"]}, key="k") for _ in range(3)}
        assert len(once) == 1
        ended(plane, once.pop())
        assert system.calls.count("push acme.test") == 1

    @pytest.mark.usefixtures("worker")
    def test_a_task_waits_for_the_move_and_can_be_cancelled(self, plane: ControlPlane, system: FileSystem) -> None:
        ready_customer(plane)
        advance(plane, "acme", State.COPYING)
        # More than the queue has places: other customers' tasks go on all the same.
        identity, *_ = [asked(plane, "acme", "dns.push", {"domains": ["acme.test"]}) for _ in range(6)]
        until(lambda: "waits for the end of your move" in state(plane, identity).message, "it says that it waits")
        add_customer(plane, "Globex")
        other = asked(plane, "globex", "dns.push", {"domains": ["globex.test"]})
        assert ended(plane, other).state == book.COMPLETED
        with plane.database.write() as session:
            book.cancel(plane, session, customers.find(session, "acme").id, identity, actor=ACTOR)
        assert ended(plane, identity).state == book.CANCELLED
        assert system.calls == ["push globex.test"]

    @pytest.mark.usefixtures("worker")
    def test_a_database_that_is_away_for_a_moment_delays_a_task_and_no_more(
        self, plane: ControlPlane, system: FileSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add_customer(plane)
        tries: list[str] = []

        def away(*arguments: Any) -> Any:
            tries.append(arguments[2])
            if len(tries) < 3:
                raise OperationalError("SELECT", {}, OSError())
            return perform(*arguments)

        monkeypatch.setattr(durable, "AGAIN", 0.1)
        monkeypatch.setattr(durable, "perform", away)
        identity = asked(plane, "acme", "dns.push", {"domains": ["acme.test"]})
        assert ended(plane, identity).state == book.COMPLETED
        assert len(tries) == 3

    def test_cancelled_before_it_began(self, plane: ControlPlane) -> None:
        add_customer(plane)
        number = mailbox(plane, "acme", "jo@acme.test")
        identity = asked(plane, "acme", "mailbox.add", {"mailbox": number})
        with plane.database.write() as session:
            tenant = customers.find(session, "acme")
            assert book.cancel(plane, session, tenant.id, identity, actor=ACTOR).state == book.CANCELLED
            session.flush()
            assert session.get(Mailbox, number) is None
            assert book.waiting(session) == []

    def test_a_removed_customers_tasks_are_cancelled_and_no_other(
        self, plane: ControlPlane, system: FileSystem
    ) -> None:
        add_customer(plane)
        add_customer(plane, "Globex")
        other = asked(plane, "globex", "dns.push", {"domains": ["globex.test"]})
        pushed = asked(plane, "acme", "dns.push", {"domains": ["acme.test"]})
        added = asked(plane, "acme", "mailbox.add", {"mailbox": mailbox(plane, "acme", "jo@acme.test")})
        running = asked(plane, "acme", "dns.verify", {"domains": ["acme.test"]})
        with plane.database.write() as session:
            session.get_one(Task, running).state = book.RUNNING
        with plane.database.write() as session:
            found = customers.remove(plane, session, "acme", actor=ACTOR)
            assert {task.id for task in found} == {pushed, added, running}
        for identity in (pushed, added):
            row = state(plane, identity)
            assert (row.state, row.message) == (book.CANCELLED, "cancelled: the customer was removed")
        assert state(plane, running).cancel
        with plane.database.read() as session:
            assert list(book.waiting(session)) == [other]
        # It was past the look at `cancel` when the customer was removed.
        assert perform(plane, system, running, 0)["said"] == "the customer was removed"
        assert perform(plane, system, pushed, 0)["ok"] is False
        assert system.calls == []

    def test_a_killed_workers_task_is_taken_over_at_the_item_that_was_under_way(
        self, plane: ControlPlane, system: FileSystem, url: str, tmp_path: Path
    ) -> None:
        add_customer(plane, "Acme", "one.test", "two.test", "three.test")
        identity = asked(plane, "acme", "dns.push", {"domains": ["one.test", "two.test", "three.test"]})
        program = [sys.executable, "-m", "tests.unit.tasks.working", url, str(tmp_path), str(system.path)]
        killed = subprocess.run(
            [*program, "push two.test"], cwd=TREE, timeout=DEADLINE, check=False, capture_output=True, text=True
        )
        assert killed.returncode == -9, killed.stderr
        assert state(plane, identity).state == book.RUNNING
        other = TaskWorker(plane, system, tick=0.1, lease=2)
        other.start()
        try:
            row = ended(plane, identity)
        finally:
            other.stop()
        assert row.state == book.COMPLETED
        # The first is not done again; the one that was cut off is.
        assert system.calls == ["push one.test", "push two.test", "push two.test", "push three.test"]
