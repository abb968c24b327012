"""Alerts that nobody's event raises but the clock does: a window that runs out, a freeze that lasts too long, records
that do not come. And those of a run that only a person can help.

A look is one question to the database, over the moves that are under way; it writes only where something is new.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailtenant.control import alerts
from mailtenant.control.alerts import Kind
from mailtenant.control.configuration import ControlSettings
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Alert, Domain, MigrationEvent, MigrationRow, MigrationRun, Tenant
from mailtenant.migration import State
from mailtenant.workflow.decide import Step

DATED: Final = (State.SCHEDULED, State.PREPARING, State.PREPARED, State.COPYING)
TIMED: Final = (*DATED, State.FROZEN, State.CUT_OVER, State.FAILED, State.ROLLING_BACK)
"""States in which time may run out."""
_BY_HAND: Final = ("send_records", "restore_records")
"""Events with which the customer got a sheet of records."""


@dataclass(frozen=True)
class Due:
    """An alert whose time has come; `key` is the same at each look."""

    kind: Kind
    label: str
    key: str
    what: str
    fix: str


@dataclass(frozen=True)
class Seen:
    """A move as far as time matters. `steps`: those that this run has done, with their time; `begun`: as the run has
    it; `sheet_at`: when the customer got the newest sheet of records to enter."""

    label: str
    row: MigrationRow
    steps: dict[str, datetime]
    begun: Mapping[str, Any]
    why: str
    by_hand: bool
    sheet_at: datetime | None


def look(plane: ControlPlane) -> int:
    """Tells what has become due since; how many."""
    with plane.database.read() as session:
        found = {f"{one.kind}:{one.key}" for one in due(plane, session)}
        new = found and found - set(session.scalars(select(Alert.key).where(Alert.key.in_(found))))
    if not new:
        return 0
    with plane.database.write() as session:
        # Asked again: the freeze may be over by now.
        return sum(
            alerts.tell(plane, session, one.kind, one.label, one.key, one.what, one.fix) for one in due(plane, session)
        )


def due(plane: ControlPlane, session: Session) -> list[Due]:
    """Everything that is due now, told already or not."""
    now, settings = plane.now(), plane.settings
    return [
        found
        for seen in _under_way(session)
        for found in (*overrun(seen, now, settings), *interrupted(seen, now), *missing(seen, now, settings))
    ]


def _under_way(session: Session) -> Iterator[Seen]:
    by_hand = select(Domain.id).where(Domain.tenant_id == Tenant.id, Domain.provider == "manual").exists()
    sheet_at = (
        select(func.max(MigrationEvent.at))
        .where(MigrationEvent.migration_id == MigrationRow.id, MigrationEvent.event.in_(_BY_HAND))
        .scalar_subquery()
    )
    query = (
        select(Tenant.label, MigrationRow, MigrationRun, by_hand, sheet_at)
        .join(MigrationRow, MigrationRow.tenant_id == Tenant.id)
        .outerjoin(MigrationRun, MigrationRun.tenant_id == Tenant.id)
        .where(Tenant.removed_at.is_(None), MigrationRow.state.in_([state.value for state in TIMED]))
    )
    for label, row, run, manual, sheet in session.execute(query):
        done = {name: datetime.fromisoformat(found["at"]) for name, found in (run.done if run else {}).items()}
        yield Seen(label, row, done, run.begun if run else {}, run.why if run else "", bool(manual), sheet)


def overrun(seen: Seen, now: datetime, settings: ControlSettings) -> Iterator[Due]:
    """The window leaves less than `alert_window_minutes` until the interruption no longer fits into it; of a short
    window, half of that time."""
    row = seen.row
    if row.state not in DATED or not row.window_start or not row.window_minutes or not row.window_interruption:
        return
    room = row.window_minutes - row.window_interruption
    last = row.window_start + timedelta(minutes=room)
    if now < last - timedelta(minutes=min(settings.alert_window_minutes, room / 2)):
        return
    waits = f"; it waits: {seen.why}" if seen.why else ""
    what = f"still {row.state}, and from {last:%Y-%m-%d %H:%M} UTC on the interruption does not fit any more{waits}"
    fix = f"mailtenant migrate status {seen.label} says what it is at; if it cannot be sped up, schedule another window"
    yield Due(Kind.WINDOW_OVERRUN, seen.label, f"{row.id}:{row.window_start.isoformat()}", what, fix)


def interrupted(seen: Seen, now: datetime) -> Iterator[Due]:
    """The customer can neither read nor get mail for longer than was announced, on the way there or back."""
    row = seen.row
    since = _closed_since(seen)
    if since is None or not row.window_interruption:
        return
    minutes = (now - since).total_seconds() / 60
    if minutes <= row.window_interruption:
        return
    what = f"closed since {since:%H:%M} UTC, {row.window_interruption} minutes were announced; state {row.state}"
    fix = (
        f"mailtenant migrate status {seen.label}: a worker must be alive (mailtenant migrate run), which opens one side"
        " by itself; if its step fails again and again, put right what it says"
    )
    yield Due(Kind.FREEZE_LONG, seen.label, f"{row.id}:{since.isoformat()}", what, fix)


def _closed_since(seen: Seen) -> datetime | None:
    row, steps = seen.row, seen.steps
    state = row.failed_during if row.state == State.FAILED else row.state
    if state in (State.FROZEN, State.CUT_OVER):
        return row.frozen_at if Step.OPEN_TENANT not in steps else None
    if state != State.ROLLING_BACK or Step.BACK_OPEN_SHARED in steps:
        return None
    if Step.BACK_CLOSE_TENANT in steps:
        return steps[Step.BACK_CLOSE_TENANT]
    # Ordered in the middle of a freeze: the old side is still closed.
    return row.frozen_at if Step.OPEN_TENANT not in seen.begun else None


def missing(seen: Seen, now: datetime, settings: ControlSettings) -> Iterator[Due]:
    """Records that the customer enters are not seen so long after it was asked to."""
    row, limit = seen.row, timedelta(days=settings.alert_records_days)
    if not seen.by_hand:
        return
    if row.state == State.PREPARED and row.records_sent:
        part, since, step = "before the move", seen.sheet_at, Step.SEE_ADDITIVE
    elif row.state == State.CUT_OVER and Step.MX in seen.steps:
        part, since, step = "at the cut-over", row.cut_over_at, Step.SEE_MX
    elif row.state == State.ROLLING_BACK and Step.BACK_SHEET in seen.steps and Step.BACK_SEE_MX not in seen.steps:
        part, since, step = "after the rollback", seen.sheet_at, Step.BACK_SEE_MX
    else:
        return
    # Seen everywhere: what is waited for is the old ones' TTL.
    if since is None or now < since + limit or seen.begun.get(step, {}).get("since"):
        return
    what = f"those to be entered {part}, asked for {since:%Y-%m-%d %H:%M} UTC; {seen.why or 'not seen yet'}"
    fix = f"call the contact (mailtenant customer show {seen.label}); mailtenant dns verify {seen.label} names each"
    yield Due(Kind.RECORDS_MISSING, seen.label, f"{row.id}:{row.attempt}:{row.state}:{since.isoformat()}", what, fix)


def waits(plane: ControlPlane, session: Session, label: str, workflow: str, version: int, why: str) -> None:
    """A run that only a person can help, in the transaction that notes it. Once, until something happens to it."""
    fix = f"do what it says, or take another date, or roll back; mailtenant migrate status {label} shows all of it"
    alerts.tell(plane, session, Kind.RUN_WAITS, label, f"{workflow}:{version}", why, fix)
