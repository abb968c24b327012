"""One execution of one step: what it works with, and the only ways in which it may write.

Before every act on the outside `check` asks whether this worker still holds the customer's lock and whether somebody
has ordered otherwise (a rollback, a deferral); every commit is fenced and names the step and the state's version.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from mailtenant.control import audit, migrations
from mailtenant.control.plane import ControlPlane
from mailtenant.migration import Migration, Policy, Refused, State, events
from mailtenant.migration.sides import PassProgress
from mailtenant.workers.leases import Fenced, Lease
from mailtenant.workers.locks import Held
from mailtenant.workflow import runs
from mailtenant.workflow.decide import Marks, Step
from mailtenant.workflow.ports import Move, Moves, StepError
from mailtenant.workflow.settings import WorkflowSettings

T = TypeVar("T")
ACTOR = "workflow"


class Interrupted(Exception):
    """The migration's state was changed from outside: this step ends here, undone or not; the next look decides."""


class NotYet(Exception):
    """Nothing is wrong, but the step has to look again later. `person`: nothing but a person will change it."""

    def __init__(self, pause: timedelta, why: str, *, person: bool = False) -> None:
        super().__init__(why)
        self.pause, self.why, self.person = pause, why, person


@dataclass
class Job:
    """`state`, `version` and `marks` are those at the step's start."""

    plane: ControlPlane
    lease: Lease
    held: Held
    settings: WorkflowSettings
    moves: Moves
    label: str
    workflow: str
    step: Step
    migration: Migration
    version: int
    marks: Marks
    stopping: Callable[[float], bool]
    _move: Move | None = None
    _checked: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> datetime:
        return self.plane.now()

    @property
    def policy(self) -> Policy:
        return self.plane.settings.policy

    @property
    def move(self) -> Move:
        """The two sides, stack, DNS: each operation checked before."""
        if self._move is None:
            found = self.moves.open(self.label)
            self._move = Move(
                found.label, guarded(found.shared, self.check), found.shared_host,
                guarded(found.tenant, self.check), found.tenant_host, guarded(found.copier, self.check),
                guarded(found.stack, self.check), guarded(found.dns, self.check), guarded(found.probes, self.check),
            )  # fmt: skip
        return self._move

    def check(self) -> None:
        """Raises: LostLock, Fenced, Interrupted"""
        if self.stopping(0):
            raise Interrupted("the worker stops")
        self.held.check()
        with self.plane.database.read() as session:
            fenced, state, workflow = runs.standing(session, self.label, self.lease.id)
        if fenced:
            raise Fenced(f"worker {self.lease.id} was silent for too long; others have its work")
        if workflow != self.workflow or state != self.migration.state:
            raise Interrupted(f"it is {state} now")
        self._checked = time.monotonic()

    def begun(self, **notes: Any) -> None:
        """Notes that the step's effect may be there from here on, and what it wants to remember."""
        self._note(self.step.value, notes)

    def first_copies(self, addresses: Sequence[str]) -> list[str]:
        """Those of the mailboxes that no move of this customer has copied yet."""
        copied = self.marks.begun.get(runs.COPIED, {})
        return [address for address in addresses if address not in copied]

    def copy_begins(self, addresses: Sequence[str]) -> None:
        """Before the first copy: whatever is in these mailboxes of the new side from here on may be ours."""
        self._note(runs.COPIED, dict.fromkeys(addresses, self.migration.attempt))

    def _note(self, name: str, notes: Mapping[str, Any]) -> None:
        with self.plane.database.write() as session:
            self.lease.require_live(session)
            _, _, _, run = runs.current(session, self.label, lock=True)
            run.begun = {**run.begun, name: {**run.begun.get(name, {}), **notes}}
            self.marks = runs.marks(run)

    def notes(self) -> dict[str, Any]:
        """What the step has noted by `begun`."""
        return dict(self.marks.begun.get(self.step.value, {}))

    def finish(
        self,
        event: events.Event | None = None,
        *,
        then: events.Event | None = None,
        forget: tuple[Step, ...] = (),
        remember: Mapping[str, Any] | None = None,
        late: Mapping[str, int] | None = None,
        **found: Any,
    ) -> None:
        """The step is done: its events and its mark in one commit. `forget`: marks that no longer hold; `remember`:
        notes for later steps; `late`: for the audit trail, mailboxes that got mail after the last copy.

        Raises: Fenced, Interrupted, Refused
        """
        with self.plane.database.write() as session:
            self.lease.require_live(session)
            tenant, row, migration, run = runs.current(session, self.label, lock=True)
            key = f"{self.workflow}/{self.step}/{self.version}"
            if migration.state is not self.migration.state or run.workflow != self.workflow:
                raise Interrupted(f"it is {migration.state.value} now")
            if event is not None:
                migrations.apply_in(self.plane, session, self.label, event, actor=ACTOR, key=key)
                row.progress = {}
            if then is not None:
                migrations.apply_in(self.plane, session, self.label, then, actor=ACTOR, key=f"{key}/then")
            if late:
                step, new = self.step.value, dict(late)
                audit.record(session, ACTOR, "move.late_mail", tenant.id, self.now, step=step, new=new)
            done = {**run.done, self.step.value: {"at": self.now.isoformat(), **found}}
            run.done = {name: value for name, value in done.items() if name not in forget}
            begun = {name: value for name, value in run.begun.items() if name not in forget}
            run.begun = begun | dict(remember or {})
            run.tries, run.step, run.due_at, run.why = 0, "", None, ""
            run.seen_version = row.version

    def advance(self, total_octets: int = 0) -> Callable[[PassProgress], None]:
        """For the copier: reports progress at most once a second, and stops it when the step must end.

        A pass that was cut off begins anew, and is over what it had copied in no time; what is shown does not go back.
        """
        shown = self._shown()

        def report(progress: PassProgress) -> None:
            if time.monotonic() - self._checked < 1.0:
                return
            self.check()
            spent = time.monotonic() - self._started
            mailboxes, messages, octets = (
                max(getattr(progress, name), shown.get(name, 0)) for name in ("mailboxes", "messages", "octets")
            )
            left = spent / progress.octets * max(total_octets - octets, 0) if progress.octets else None
            migrations.report_progress(
                self.plane, self.label,
                migrations.Progress(
                    self.step.value, min(mailboxes, progress.mailboxes_total), progress.mailboxes_total, messages, 0,
                    octets, total_octets, left,
                ),
            )  # fmt: skip

        return report

    def _shown(self) -> Mapping[str, Any]:
        """The progress that an earlier worker reported of this very step."""
        with self.plane.database.read() as session:
            progress = runs.current(session, self.label)[1].progress
        return progress if progress.get("step") == self.step.value else {}

    def wait_until(self, reached: Callable[[], bool], seconds: float) -> bool:
        """Polls until it holds or the time is over; whether it holds. Raises: Interrupted when the worker stops."""
        deadline = time.monotonic() + seconds
        while not reached():
            if time.monotonic() >= deadline:
                return False
            if self.stopping(0.2):
                raise Interrupted("the worker stops")
        return True

    def apply_or_wait(self, event: events.Event, **found: Any) -> None:
        """As `finish`, but what a guard still misses is waited for: a person has to do it. Raises: NotYet"""
        try:
            self.finish(event, **found)
        except Refused as refused:
            pause = timedelta(seconds=self.settings.look)
            raise NotYet(pause, "; ".join(refused.reasons), person=True) from None

    def apply_or_fail(self, event: events.Event, fix: str, **found: Any) -> None:
        """As `finish`; a guard's no is the step's failure. Raises: StepError"""
        try:
            self.finish(event, **found)
        except Refused as refused:
            raise StepError("; ".join(refused.reasons), fix) from None


def guarded(part: T, check: Callable[[], None]) -> T:
    """The same object, `check` called before each of its operations."""

    class Guarded:
        def __getattr__(self, name: str) -> Any:
            value = getattr(part, name)
            if not callable(value):
                return value

            def operation(*arguments: Any, **named: Any) -> Any:
                check()
                return value(*arguments, **named)

            return operation

    return cast(T, Guarded())


__all__ = ["Interrupted", "Job", "NotYet", "State", "guarded"]
