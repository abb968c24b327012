"""The rows of tasks: written by the API in the transaction of what they belong to, moved on by the worker.

A row is there before its workflow: the worker looks for rows without one, so a crash between the two loses nothing, and
the workflow has the row's id, so asked for twice it is one.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from mailtenant.control import audit
from mailtenant.control.errors import NotFound
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Mailbox, MigrationRow, Task
from mailtenant.migration import State

PENDING: Final = "PENDING"
RUNNING: Final = "RUNNING"
COMPLETED: Final = "COMPLETED"
FAILED: Final = "FAILED"
CANCELLED: Final = "CANCELLED"
ENDED: Final = (COMPLETED, FAILED, CANCELLED)
MOVING: Final = (State.COPYING, State.FROZEN, State.CUT_OVER, State.ROLLING_BACK)
"""While both sides are compared nobody else changes either."""
ALWAYS: Final = ("dns.verify", "domain.add")
"""Kinds of tasks that change neither side."""
WAITS: Final = "waits for the end of your move"
KEPT: Final = timedelta(days=30)
_SPACE: Final = uuid.UUID("6f0d3e5e-7a0f-4c55-9a51-5d1d6a4f2b10")


def ask(
    plane: ControlPlane,
    session: Session,
    tenant_id: int,
    kind: str,
    given: Mapping[str, Any],
    *,
    actor: str,
    key: str | None = None,
) -> Task:
    """A new task; with `key` (the caller's idempotency key) the one that it made before. `given`: no secret."""
    identity = identity_of(tenant_id, kind, key) if key else str(uuid.uuid4())
    known = session.get(Task, identity)
    if known is not None:
        return known
    row = Task(
        id=identity, tenant_id=tenant_id, kind=kind, given=dict(given), state=PENDING, progress=0, message="waits",
        outputs={}, cancel=False, attempts=0, due_at=plane.now(), created_at=plane.now(),
    )  # fmt: skip
    session.add(row)
    audit.record(session, actor, f"task.{kind}", tenant_id, plane.now(), task=identity)
    session.flush()
    return row


def identity_of(tenant_id: int, kind: str, key: str) -> str:
    """The id of the task that a caller's idempotency key makes."""
    return str(uuid.uuid5(_SPACE, f"{tenant_id}/{kind}/{key}"))


def find(session: Session, tenant_id: int, identity: str, *, lock: bool = False) -> Task:
    """Raises: NotFound, for another customer's too."""
    query = select(Task).where(Task.id == identity, Task.tenant_id == tenant_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("no such task")
    return row


def every(session: Session, tenant_id: int, limit: int = 100) -> Sequence[Task]:
    """The newest first."""
    query = select(Task).where(Task.tenant_id == tenant_id).order_by(Task.created_at.desc(), Task.id).limit(limit)
    return session.scalars(query).all()


def cancel(plane: ControlPlane, session: Session, tenant_id: int, identity: str, *, actor: str) -> Task:
    """What waits is cancelled at once, what runs stops before its next item, what has ended stays."""
    row = find(session, tenant_id, identity, lock=True)
    _cancel(plane, session, row, "cancelled before it began", actor)
    return row


def cancel_all(plane: ControlPlane, session: Session, tenant_id: int, why: str, *, actor: str) -> Sequence[Task]:
    """Cancels all that has not ended, as `cancel` does; those tasks, the oldest first."""
    query = select(Task).where(Task.tenant_id == tenant_id, Task.state.not_in(ENDED))
    found = session.scalars(query.order_by(Task.created_at, Task.id).with_for_update()).all()
    for row in found:
        _cancel(plane, session, row, why, actor)
    return found


def _cancel(plane: ControlPlane, session: Session, row: Task, why: str, actor: str) -> None:
    if row.state in ENDED or row.cancel:
        return
    row.cancel = True
    if row.state == PENDING:
        end(session, row, CANCELLED, why, plane.now())
    audit.record(session, actor, "task.cancel", row.tenant_id, plane.now(), task=row.id)


def end(session: Session, row: Task, state: str, message: str, at: datetime) -> None:
    """A task ends once: later ends change nothing. A mailbox that was not made is off the list, one that was not
    removed is back on it."""
    if row.state in ENDED:
        return
    row.state, row.message, row.ended_at = state, message, at
    if state == COMPLETED:
        row.progress = 100
        return
    box = session.get(Mailbox, row.given["mailbox"]) if "mailbox" in row.given else None
    if box is not None and box.state == "creating":
        session.delete(box)
    elif box is not None:
        box.state = "active"


def waiting(session: Session, limit: int = 100) -> Sequence[str]:
    """Ids of tasks that no worker has begun, without those that wait for a move: they would keep others from a place in
    the queue, for days."""
    query = (
        select(Task.id)
        .join(MigrationRow, MigrationRow.tenant_id == Task.tenant_id)
        .where(Task.state == PENDING, or_(MigrationRow.state.not_in(MOVING), Task.kind.in_(ALWAYS)))
    )
    return session.scalars(query.order_by(Task.due_at).limit(limit)).all()


def held_back(session: Session) -> Sequence[str]:
    """Ids of tasks that wait for a move and do not say so yet."""
    moving = select(MigrationRow.tenant_id).where(MigrationRow.state.in_(MOVING))
    query = select(Task.id).where(
        Task.state == PENDING, Task.kind.not_in(ALWAYS), Task.message != WAITS, Task.tenant_id.in_(moving)
    )
    return session.scalars(query).all()


def tell(session: Session, identities: Sequence[str]) -> None:
    """These wait for a move."""
    session.execute(update(Task).where(Task.id.in_(identities), Task.state == PENDING).values(message=WAITS))


def as_json(row: Task) -> dict[str, Any]:
    """What the API shows."""
    return {
        "id": row.id, "kind": row.kind, "state": row.state, "progress": row.progress, "message": row.message,
        "outputs": row.outputs, "created": row.created_at.isoformat(),
        "ended": row.ended_at.isoformat() if row.ended_at else None,
    }  # fmt: skip
