"""One long-lived pair of real servers, the shared host and the customer's own: brought to where a case begins, and
struck.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from mailtenant.accounts.engine import TenantEngine
from mailtenant.control.tables import Worker
from mailtenant.fleet.stack_edit import edit_config
from mailtenant.migration import Migration, State, events
from mailtenant.settings.stackfile import DNS_PHASE
from mailtenant.tenant_side import TenantMail
from mailtenant.workflow import runs
from mailtenant.workflow.decide import Step
from tests.world.migration.moves import at, done, ended, judged, run_of
from tests.world.tenants import eventually
from world.layout import SHARED_NAME
from world.moving.office import Office
from world.moving.small_disk import SmallDisk
from world.moving.standing import STAND
from world.moving.traffic import Traffic

Fault = Literal["database", "imap", "full"]
ORDER = list(Step)


@dataclass(frozen=True)
class Snapshot:
    """What a run has noted when its first pass is over and the window is about to open."""

    begun: dict[str, Any]
    done: dict[str, Any]


@dataclass
class Pair:
    """A rollback leaves the shared host as the customer's system, so case after case begins on the same servers."""

    office: Office
    traffic: Traffic
    disk: SmallDisk
    _snapshot: Snapshot | None = field(default=None, repr=False)

    # --- where a case begins

    def before(self, step: Step) -> None:
        """A move that has not come to this step yet: a new one, or one at its window."""
        if ORDER.index(step) > ORDER.index(Step.FIRST_PASS):
            self.at_the_window()
        else:
            self.begin()

    def begin(self) -> None:
        """The customer's move is announced (once more); nothing of it is done."""
        self._requested()
        self.office.begin_with("adopted")
        self.office.schedule()

    def at_the_window(self) -> None:
        """As `begin`, and the first pass is over: walked to by the first case, later ones go on from its snapshot.

        What belongs to a snapshot: the run's notes, the DNS phase, the customer's zone, the new side closed. Mail does
        not: it flows on, and the ledger counts from the first case to the last.
        """
        if self._snapshot is None:
            self.begin()
            self.reaches(Step.FIRST_PASS, done)
            run = run_of(self.office)
            assert run is not None
            self._snapshot = Snapshot(dict(run.begun), dict(run.done))
            return
        self._requested()
        scene, file = self.office.scene, self.office.scene.stack_file
        self.office.begin_with("additive")
        edit_config(scene.project, file.path, lambda config: config.__setitem__(DNS_PHASE, "additive"))
        own = TenantMail(TenantEngine.of(file.settings), (scene.domain,))
        own.thaw()  # what an earlier rollback left: mail sent on
        own.freeze()
        self.office.schedule()
        self._go_on_from(self._snapshot)

    def _requested(self) -> None:
        """Asked for anew; what a case that failed has left is rolled back, so that it is the only one that fails."""
        office = self.office
        if office.migration.state not in (State.REQUESTED, State.ROLLED_BACK, State.ROLLING_BACK):
            office.order(events.RollBack("left by a case before"))
        if office.migration.state is not State.REQUESTED:
            office.until(lambda migration: migration.state is State.ROLLED_BACK)
            office.order(events.Request())

    def _go_on_from(self, snapshot: Snapshot) -> None:
        """The run of this move waits for its first step, days away: it finds these done instead."""
        database, label = self.office.plane.database, self.office.scene.label

        def waits() -> bool:
            run = run_of(self.office)
            return run is not None and run.active and run.due_at is not None and not run.done

        eventually(waits, seconds=120, what="the move's run waits for its first step")
        with database.write() as session:
            _, row, _, run = runs.current(session, label, lock=True)
            run.begun, run.done = {**run.begun, **snapshot.begun}, dict(snapshot.done)
            row.state, row.records_sent, row.version = State.COPYING.value, True, row.version + 1

    # --- and goes on

    def reaches(self, step: Step, how: Callable[[Office, Step], bool] = at) -> None:
        """Waits until the move is `at` the step, or has it `done`; it must not end before."""
        self.office.until(lambda migration: how(self.office, step) or ended(migration))
        assert how(self.office, step), (step, self.office.migration.state, self.office.migration.failure)

    def rolled_back(self, why: str) -> None:
        """Orders it, if it did not come to that by itself; what must hold afterwards."""
        if self.office.migration.state not in (State.ROLLING_BACK, State.ROLLED_BACK):
            self.office.order(events.RollBack(why))
        self.office.until(lambda migration: migration.state in (State.ROLLED_BACK, State.FAILED))
        assert self.office.migration.state is State.ROLLED_BACK, self.office.migration.failure
        judged(self.office, self.traffic, SHARED_NAME)

    # --- strikes

    def meets(self, fault: Fault) -> None:
        """The fault is there until a step has failed by it."""
        with self.fault(fault):
            self.office.until(lambda migration: self._failing() or ended(migration))
            assert self._failing() or self.office.migration.state is State.FAILED, "no step met the fault"

    def fault(self, kind: Fault) -> AbstractContextManager[None]:
        """Within it the mail volume of the new side is full, or a container of it is dead."""
        return self.disk.full() if kind == "full" else self._dead(kind)

    @contextmanager
    def _dead(self, service: str) -> Iterator[None]:
        name = f"mt-{self.office.scene.label}-{service}"
        self.office.scene.run("docker", "kill", name)
        try:
            yield
        finally:
            self.office.scene.run("docker", "start", name)

    def _failing(self) -> bool:
        run = run_of(self.office)
        return run is not None and run.tries > 0

    def kill(self) -> int:
        """SIGKILL to the worker that has the migration; another one starts beside those that are left. Its process."""
        office = self.office
        with office.plane.database.read() as session:
            run = run_of(office)
            row = session.get(Worker, run.worker) if run and run.worker else None
        pid = row.pid if row else office.workers[-1].pid
        (victim,) = [worker for worker in office.workers if worker.pid == pid] or office.workers[-1:]
        victim.kill()
        victim.wait(30)
        office.workers.remove(victim)
        office.start_worker()
        return victim.pid

    def take_down(self) -> None:
        """The new side's servers are gone, their volumes stay: the next move makes them anew."""
        stand = self.office.scene.folder / STAND
        if stand.exists():
            self.office.scene.run("mailtenant", "down", self.office.scene.label)
            stand.unlink()

    def until_done(self, step: Step) -> Migration:
        """Until the step is done or the move ended."""
        return self.office.until(lambda migration: done(self.office, step) or ended(migration))
