"""Runs in the control database: which workflow carries a migration, what it has done, when it looks again.

Everything that a worker writes here is written in a transaction that its lease allows (`Lease.require_live`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mailtenant.control import customers, migrations
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import MigrationRow, MigrationRun, Tenant, Worker
from mailtenant.migration import Migration, State
from mailtenant.workers.leases import Lease
from mailtenant.workflow import alarms
from mailtenant.workflow.decide import Do, End, Marks, Next, Wait, decide
from mailtenant.workflow.settings import WorkflowSettings

MOVING: Final = (
    State.SCHEDULED, State.PREPARING, State.PREPARED, State.COPYING, State.FROZEN, State.CUT_OVER, State.VERIFYING,
    State.HOLDING, State.FAILED, State.ROLLING_BACK,
)  # fmt: skip
"""States in which a workflow has something to do or to wait for."""
COPIED: Final = "copied"
"""Beside the steps in `begun`: mailbox → the attempt in which it was copied first. Outlives an attempt: the volumes of
servers that a rollback removed keep what was copied."""


@dataclass(frozen=True)
class Look:
    """What a look found: plain values, since the workflow's log keeps them."""

    action: str
    step: str = ""
    seconds: float | None = None
    why: str = ""


def open_runs(plane: ControlPlane, lease: Lease) -> Sequence[tuple[str, str]]:
    """Gives every moving migration that has none a run; (workflow, label) of all that no workflow has looked at yet."""
    with plane.database.write() as session:
        lease.require_live(session)
        moving = session.execute(
            select(Tenant, MigrationRow, MigrationRun)
            .join(MigrationRow, MigrationRow.tenant_id == Tenant.id)
            .outerjoin(MigrationRun, MigrationRun.tenant_id == Tenant.id)
            .where(Tenant.removed_at.is_(None), MigrationRow.state.in_([state.value for state in MOVING]))
            .order_by(Tenant.label)
        ).all()
        waiting = []
        for tenant, row, run in moving:
            if run is None or not run.active:
                run = _new_run(session, tenant, row, run)
            if run.started == 0:
                waiting.append((run.workflow, tenant.label))
        return waiting


def _new_run(session: Session, tenant: Tenant, row: MigrationRow, old: MigrationRun | None) -> MigrationRun:
    number = old.number + 1 if old else 1
    # What an earlier run of this attempt has begun may still be there: servers of a customer that was put off.
    same = old is not None and old.attempt == row.attempt
    begun = {} if old is None else old.begun if same else {k: v for k, v in old.begun.items() if k == COPIED}
    done = old.done if old and same and row.state != State.SCHEDULED else {}
    fresh: dict[str, Any] = {
        "number": number, "attempt": row.attempt, "workflow": f"migration-{tenant.id}-{row.attempt}-{number}",
        "active": True, "step": "", "worker": None, "why": "", "begun": begun, "done": done, "tries": 0, "started": 0,
        "due_at": None, "seen_version": row.version,
    }  # fmt: skip
    run = old or MigrationRun(tenant_id=tenant.id)
    for name, value in fresh.items():
        setattr(run, name, value)
    if old is None:
        session.add(run)
    session.flush()
    return run


def active(plane: ControlPlane) -> Sequence[str]:
    """Workflows that should be at work."""
    with plane.database.read() as session:
        query = select(MigrationRun.workflow).where(MigrationRun.active, MigrationRun.started > 0)
        return session.scalars(query).all()


def renew(plane: ControlPlane, lease: Lease, workflows: Sequence[str]) -> None:
    """Gives runs whose workflow has ended too early a new one: it goes on from what is noted here."""
    if not workflows:
        return
    with plane.database.write() as session:
        lease.require_live(session)
        for run in session.scalars(select(MigrationRun).where(MigrationRun.workflow.in_(workflows))):
            run.active = False


def to_wake(plane: ControlPlane) -> Sequence[tuple[str, str]]:
    """(workflow, reason's key) of runs for which something has happened, or whose time has come."""
    query = (
        select(MigrationRun, MigrationRow.version)
        .join(MigrationRow, MigrationRow.tenant_id == MigrationRun.tenant_id)
        .where(
            MigrationRun.active,
            or_(MigrationRow.version > MigrationRun.seen_version, MigrationRun.due_at <= plane.now()),
        )
    )
    with plane.database.read() as session:
        return [
            (run.workflow, f"{run.workflow}:{version}:{run.started}:{run.due_at}")
            for run, version in session.execute(query)
        ]


def get(session: Session, tenant: Tenant, *, lock: bool = False) -> MigrationRun | None:
    query = select(MigrationRun).where(MigrationRun.tenant_id == tenant.id)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def marks(run: MigrationRun) -> Marks:
    return Marks(begun=dict(run.begun), done=dict(run.done))


def look(plane: ControlPlane, lease: Lease, settings: WorkflowSettings, workflow: str, label: str) -> Look:
    """What is to be done now, noted in the run for people to see. Raises: Fenced, NotFound"""
    with plane.database.write() as session:
        lease.require_live(session)
        tenant = customers.find(session, label)
        row, migration = migrations.load(session, tenant, lock=True)
        run = get(session, tenant, lock=True)
        if run is None or run.workflow != workflow or not run.active:
            return Look("end", why="another run has taken this one's place")
        now = plane.now()
        if row.version != run.seen_version:
            # A person or the calendar did something: what was waited for may be there.
            run.due_at, run.tries = None, 0
        run.seen_version, run.started, run.worker = row.version, run.started + 1, lease.id
        found = pending(run, now) or decide(migration, marks(run), now, plane.settings.policy, settings)
        if isinstance(found, Wait) and found.until is None and migration.state is not State.FAILED:
            alarms.waits(plane, session, label, workflow, row.version, found.why)
        return _noted(run, found, now)


def pending(run: MigrationRun, now: datetime) -> Wait | None:
    """A pause that a step asked for, as long as it lasts."""
    return Wait(run.due_at, run.why) if run.step and run.due_at is not None and now < run.due_at else None


def _noted(run: MigrationRun, found: Next, now: datetime) -> Look:
    match found:
        case Do(step):
            run.step, run.due_at = step.value, None
            return Look("do", step.value)
        case Wait(until, why):
            if until is None or until != run.due_at:
                run.step = ""  # the calendar's wait, not a step's pause
            run.due_at, run.why = until, why
            seconds = max((until - now).total_seconds(), 0.0) if until else None
            return Look("wait", seconds=seconds, why=why)
        case End(why):
            run.active, run.step, run.due_at, run.why, run.worker = False, "", None, why, None
            return Look("end", why=why)


def current(
    session: Session, label: str, *, lock: bool = False
) -> tuple[Tenant, MigrationRow, Migration, MigrationRun]:
    """Everything about the run of a customer. Raises: NotFound, LookupError if it has none."""
    tenant = customers.find(session, label)
    row, migration = migrations.load(session, tenant, lock=lock)
    run = get(session, tenant, lock=lock)
    if run is None:
        raise LookupError(f"{label} has no run")
    return tenant, row, migration, run


def standing(session: Session, label: str, worker: str) -> tuple[bool, str, str]:
    """In one question: whether the worker is fenced, the migration's state, and which workflow carries it."""
    query = (
        select(Worker.fenced_at, MigrationRow.state, MigrationRun.workflow)
        .join(Tenant, Tenant.id == MigrationRow.tenant_id)
        .join(MigrationRun, MigrationRun.tenant_id == Tenant.id)
        .outerjoin(Worker, Worker.id == worker)
        .where(Tenant.label == label, Tenant.removed_at.is_(None))
        .select_from(MigrationRow)
    )
    found = session.execute(query).one()
    return found.fenced_at is not None, found.state, found.workflow
