"""Carries out one step: under the customer's lock, fenced, and with every failure turned into what a person can use."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.exc import DBAPIError

from mailtenant.control import customers, migrations
from mailtenant.control.errors import ControlError
from mailtenant.control.plane import ControlPlane
from mailtenant.fleet.stacks import StackError
from mailtenant.mailbox_copy import SourceShrank
from mailtenant.migration import Refused, State, events
from mailtenant.migration.sides import SideError
from mailtenant.workers.leases import Lease
from mailtenant.workers.locks import Busy, Held, Locks, LostLock
from mailtenant.workflow import alarms, back, forward, runs
from mailtenant.workflow.decide import Do, Step, decide, freeze_ends
from mailtenant.workflow.job import ACTOR, Interrupted, Job, NotYet
from mailtenant.workflow.ports import Moves, StepError
from mailtenant.workflow.settings import WorkflowSettings

_log = logging.getLogger(__name__)

ACTIONS: Final[Mapping[Step, Callable[[Job], None]]] = {
    step: getattr(back if step.value.startswith("back_") else forward, step.value) for step in Step
}


@dataclass(frozen=True)
class Crew:
    """What a worker has for all of its steps. `stopping(seconds)` waits that long, or until the worker stops: whether
    it does."""

    plane: ControlPlane
    settings: WorkflowSettings
    moves: Moves
    lease: Lease
    locks: Locks
    stopping: Callable[[float], bool]


def perform(crew: Crew, workflow: str, label: str, step: Step) -> str:
    """Carries out the step if it is still the one to do; in a word, how it ended. Raises: Fenced

    While the database is away it waits: nothing can be noted, so nothing is done.
    """
    with crew.plane.database.read() as session:
        number = customers.find(session, label).id
    while True:
        try:
            with crew.locks.hold(number) as held:
                return _locked(crew, held, workflow, label, step)
        except (Busy, LostLock, DBAPIError) as error:
            _log.info("%s: %s waits: %s", label, step, type(error).__name__)
        if crew.stopping(0.5):
            return "stopped"


def _locked(crew: Crew, held: Held, workflow: str, label: str, step: Step) -> str:
    job = _start(crew, held, workflow, label, step)
    if job is None:
        return "not to do any more"
    try:
        ACTIONS[step](job)
    except Interrupted as interrupted:
        _log.info("%s: %s ended: %s", label, step, interrupted)
        return "interrupted"
    except NotYet as later:
        _pause(job, later)
        return "waiting"
    except (LostLock, DBAPIError):
        raise
    except Exception as error:
        if crew.stopping(0):
            return "stopped"
        _failed(job, explained(error, label, step))
        return "failed"
    return "done"


def _start(crew: Crew, held: Held, workflow: str, label: str, step: Step) -> Job | None:
    with crew.plane.database.write() as session:
        crew.lease.require_live(session)
        _, row, migration, run = runs.current(session, label, lock=True)
        now, marks = crew.plane.now(), runs.marks(run)
        wanted = decide(migration, marks, now, crew.plane.settings.policy, crew.settings)
        if run.workflow != workflow or wanted != Do(step):
            return None
        run.step, run.worker = step.value, crew.lease.id
        version = row.version
    return Job(
        crew.plane, crew.lease, held, crew.settings, crew.moves, label, workflow, step, migration, version, marks,
        crew.stopping,
    )  # fmt: skip


def explained(error: Exception, label: str, step: Step) -> StepError:
    """The error in words for an operator; what is a defect of ours goes to the log with its traceback."""
    match error:
        case StepError():
            return error
        case SourceShrank():
            # Nothing runs again over mail that is going missing.
            return StepError(
                str(error), f"compare with the backup; then `mailtenant migrate retry {label}`", again=False
            )
        case SideError() | StackError() | ControlError():
            return StepError(str(error), f"put it right, then `mailtenant migrate retry {label}`, or roll back")
        case Refused():
            return StepError("; ".join(error.reasons), f"then `mailtenant migrate retry {label}`")
        case _:
            _log.exception("%s: the step %s ended in a defect", label, step)
            return StepError(
                f"the step `{step}` ended in a defect of ours ({type(error).__name__})",
                f"see the worker's log; then `mailtenant migrate retry {label}`, or roll back",
            )


def _pause(job: Job, later: NotYet) -> None:
    with job.plane.database.write() as session:
        job.lease.require_live(session)
        _, row, _, run = runs.current(session, job.label, lock=True)
        if run.workflow == job.workflow:
            run.step, run.due_at, run.why, run.tries = job.step.value, job.now + later.pause, later.why, 0
            if later.person:
                alarms.waits(job.plane, session, job.label, job.workflow, row.version, later.why)


def _failed(job: Job, error: StepError) -> None:
    """Another try after a pause; then a person, and the old side opened first if it is frozen."""
    with job.plane.database.write() as session:
        job.lease.require_live(session)
        _, row, migration, run = runs.current(session, job.label, lock=True)
        if run.workflow != job.workflow or migration.state is not job.migration.state:
            return
        run.tries, run.why = run.tries + 1, error.why
        ends = freeze_ends(migration) if migration.state is State.FROZEN else None
        if error.again and run.tries < job.settings.tries:
            run.step, run.due_at = job.step.value, _next_try(job, run.tries, ends)
        elif ends is not None and job.step is not Step.UNFREEZE:
            # Nobody's mail waits for a person: open first, ask then.
            run.begun = {**run.begun, Step.UNFREEZE.value: {"reason": error.why}}
            run.tries, run.due_at = 0, None
        else:
            fail = events.Fail(error.why, error.fix)
            migrations.apply_in(job.plane, session, job.label, fail, actor=ACTOR)
            run.tries, run.due_at, run.step = 0, None, ""
            run.seen_version = row.version


def _next_try(job: Job, tries: int, freeze_end: datetime | None) -> datetime:
    pause = min(job.settings.pause * 2 ** (tries - 1), job.settings.longest_pause)
    later = job.now + timedelta(seconds=pause)
    if freeze_end is None:
        return later
    # A freeze has little time: quick tries, and none after its end.
    return min(job.now + timedelta(seconds=min(pause, 2.0)), freeze_end)
