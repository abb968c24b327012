"""Migrations in the database. `apply_event` is the one place where a state changes: guards, state, the hosts that
`/api/userinfo/` answers, log and messages are one commit.

This is the seam for the workflow: it does the work of a step outside, then calls `apply_event` with the evidence and a
key of its own for that step. Called again after a crash, the same key changes nothing more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailtenant.control import alerts, audit, customers, outbox, reports
from mailtenant.control.errors import Conflict, NotFound
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import ChecklistItem, Domain, Message, MigrationEvent, MigrationRow, Tenant
from mailtenant.migration import Migration, Notice, Side, State, Window, apply, events
from mailtenant.migration.evidence import Failure, Item
from mailtenant.migration.model import SignOff


def load(session: Session, tenant: Tenant, *, lock: bool = False) -> tuple[MigrationRow, Migration]:
    """The stored row, and the value that the machine works on. `lock`: until the end of the transaction."""
    query = select(MigrationRow).where(MigrationRow.tenant_id == tenant.id)
    row = session.scalars(query.with_for_update() if lock else query).one()
    return row, _value(session, tenant, row)


def apply_event(
    plane: ControlPlane, label: str, event: events.Event, *, actor: str, key: str | None = None
) -> Migration:
    """Applies an event in a transaction of its own and gives the migration afterwards.

    `key`: names the step that calls, unique over all migrations (`<workflow>/<step>`); a second call with it gives the
    present state and changes nothing.
    Raises: mailtenant.migration.Refused with every reason, NotFound, Conflict.
    """
    with plane.database.write() as session:
        return apply_in(plane, session, label, event, actor=actor, key=key)


def apply_in(
    plane: ControlPlane, session: Session, label: str, event: events.Event, *, actor: str, key: str | None = None
) -> Migration:
    """As `apply_event`, in a transaction of the caller's."""
    tenant = customers.find(session, label, lock=True)
    row, before = load(session, tenant, lock=True)
    if key is not None:
        known = session.scalar(select(MigrationEvent).where(MigrationEvent.key == key))
        if known is not None:
            if known.migration_id != row.id or known.event != event.name:
                raise Conflict("this step's key was used for another event; give each step a key of its own")
            return before
    now = plane.now()
    applied = apply(before, event, now, plane.settings.policy)
    after = applied.migration
    row.version += 1
    _store(row, after)
    if after.serving is not before.serving:
        # One UPDATE of one row: no reader ever sees one host of each side.
        tenant.smtp_host, tenant.imap_host = _hosts(plane, tenant, after.serving)
    detail = event.detail()
    if isinstance(event, events.Verified):
        reports.note_verification(plane, session, tenant.id, after.attempt, event.verification)
    if isinstance(event, events.Agree):
        # What was signed off: the report as it was at that moment.
        verified = reports.shown_verification(session, tenant.id, after.attempt)
        detail["verification"] = verified["at"] if verified else None
    session.add(
        MigrationEvent(
            migration_id=row.id, version=row.version, key=key, event=event.name, source=before.state,
            target=after.state, actor=actor, at=now, detail=detail,
        )
    )  # fmt: skip
    audit.record(session, actor, f"migration.{event.name}", tenant.id, now, state=after.state.value, **detail)
    if applied.notice is not None:
        outbox.write(plane, session, tenant, applied.notice, event_key(row), after, event.told())
    _alert(plane, session, tenant, row, event, actor)
    session.flush()
    return _value(session, tenant, row)


def _alert(
    plane: ControlPlane, session: Session, tenant: Tenant, row: MigrationRow, event: events.Event, actor: str
) -> None:
    """Events that operators hear of: in the same commit, so exactly once."""
    label, key = tenant.label, event_key(row)
    match event:
        case events.Fail():
            during = f"during {row.failed_during}: {row.failed_why}"
            fix = f"{row.failed_fix}; mailtenant migrate status {label} shows where it stands"
            alerts.tell(plane, session, alerts.Kind.MOVE_FAILED, label, key, during, fix)
        case events.RollBack():
            what = f"by {actor}: {row.reason}" if row.reason else f"by {actor}"
            fix = f"nothing, if it was wanted; mailtenant migrate status {label} --follow shows its steps"
            alerts.tell(plane, session, alerts.Kind.ROLLBACK_ORDERED, label, key, what, fix)
        case events.RolledBack():
            fix = f"find out with the customer what was wrong; then mailtenant migrate request {label}"
            what = "the shared host serves the customer again; nothing was lost"
            alerts.tell(plane, session, alerts.Kind.ROLLBACK_DONE, label, key, what, fix)


def _hosts(plane: ControlPlane, tenant: Tenant, serving: Side) -> tuple[str, str]:
    """SMTP and IMAP host of the side that serves."""
    own, settings = plane.settings.tenant_host(tenant.label), plane.settings
    return (own, own) if serving is Side.TENANT else (settings.shared_smtp_host, settings.shared_imap_host)


def rehost(plane: ControlPlane, session: Session, tenant: Tenant, *, actor: str) -> None:
    """What `/api/userinfo/` answers becomes what the settings say now, for the side that serves. No event: nobody
    moves."""
    row, _ = load(session, tenant, lock=True)
    before = (tenant.smtp_host, tenant.imap_host)
    tenant.smtp_host, tenant.imap_host = _hosts(plane, tenant, Side(row.serving))
    after = (tenant.smtp_host, tenant.imap_host)
    audit.record(session, actor, "customer.rehost", tenant.id, plane.now(), before=list(before), after=list(after))


def event_key(row: MigrationRow) -> str:
    """Names the event that was applied last: the first part of the keys of its messages."""
    return f"migration-{row.id}-{row.version}"


def check_item(
    plane: ControlPlane,
    session: Session,
    tenant: Tenant,
    item: Item,
    *,
    green: bool,
    by: str,
    note: str = "",
    actor: str | None = None,
) -> None:
    """Makes an item of the preparation checklist green, or red again. `by`: who says so, in the words of `actor`, who
    does it; the audit trail names both. No `actor`: `by` did it."""
    row = session.get(ChecklistItem, (tenant.id, item.value))
    if not green:
        if row is not None:
            session.delete(row)
        if item is Item.USAGE:
            reports.drop(session, tenant.id, reports.Kind.AGREED)
    elif row is None:
        session.add(ChecklistItem(tenant_id=tenant.id, item=item.value, by=by, at=plane.now(), note=note))
    else:
        row.by, row.at, row.note = by, plane.now(), note
    action = "checklist.green" if green else "checklist.red"
    audit.record(session, actor or by, action, tenant.id, plane.now(), item=item.value, by=by)


def checklist(session: Session, tenant_id: int) -> Mapping[Item, ChecklistItem]:
    """The items that are green."""
    rows = session.scalars(select(ChecklistItem).where(ChecklistItem.tenant_id == tenant_id))
    return {Item(row.item): row for row in rows}


def history(session: Session, tenant_id: int) -> Sequence[MigrationEvent]:
    """Every event, oldest first."""
    query = (
        select(MigrationEvent)
        .join(MigrationRow, MigrationRow.id == MigrationEvent.migration_id)
        .where(MigrationRow.tenant_id == tenant_id)
        .order_by(MigrationEvent.version)
    )
    return session.scalars(query).all()


@dataclass(frozen=True)
class Progress:
    """How far the present step is. Octets and seconds; `seconds_left` None: not known yet."""

    step: str
    mailboxes: int = 0
    mailboxes_total: int = 0
    messages: int = 0
    messages_total: int = 0
    octets: int = 0
    octets_total: int = 0
    seconds_left: float | None = None


def report_progress(plane: ControlPlane, label: str, progress: Progress) -> None:
    """Shown by the API and by `migrate status`; no event, no log."""
    with plane.database.write() as session:
        tenant = customers.find(session, label)
        row = session.scalars(select(MigrationRow).where(MigrationRow.tenant_id == tenant.id)).one()
        row.progress = vars(progress) | {"at": plane.now().isoformat(timespec="seconds")}


def due_by_the_clock(plane: ControlPlane) -> list[tuple[str, events.Event]]:
    """Events that the calendar asks for: reminders, and deferrals whose date has come. Labels and events, to apply."""
    now, policy = plane.now(), plane.settings.policy
    query = (
        select(Tenant.label, MigrationRow)
        .join(MigrationRow, MigrationRow.tenant_id == Tenant.id)
        .where(Tenant.removed_at.is_(None))
        .order_by(Tenant.label)
    )
    found: list[tuple[str, events.Event]] = []
    with plane.database.read() as session:
        for label, row in session.execute(query):
            if row.state in (State.DEFERRED, State.OPTED_OUT) and row.until is not None and row.until <= now:
                found.append((label, events.Expire()))
            dated = row.state in (State.SCHEDULED, State.PREPARING, State.PREPARED, State.COPYING)
            if (
                dated
                and not row.reminded
                and row.window_start
                and (row.window_start - policy.reminder <= now < row.window_start)
            ):
                found.append((label, events.Remind()))
    return found


def _value(session: Session, tenant: Tenant, row: MigrationRow) -> Migration:
    window = None
    if row.window_start is not None and row.window_minutes is not None and row.window_interruption is not None:
        window = Window(row.window_start, row.window_minutes, row.window_interruption)
    failure = None
    if row.failed_during is not None:
        failure = Failure(row.failed_during, row.failed_why or "", row.failed_fix or "")
    sign_off = SignOff(row.sign_off_by, row.sign_off_at) if row.sign_off_by and row.sign_off_at else None
    by_hand = select(func.count()).where(Domain.tenant_id == tenant.id, Domain.provider == "manual")
    return Migration(
        state=State(row.state),
        serving=Side(row.serving),
        attempt=row.attempt,
        label=tenant.label if tenant.label_confirmed_at else None,
        manual_dns=bool(session.scalar(by_hand)),
        checklist={item: found.by for item, found in checklist(session, tenant.id).items()},
        window=window,
        notified=_notified(session, tenant.id) if window else None,
        reminded=row.reminded,
        records_sent=row.records_sent,
        frozen_at=row.frozen_at,
        cut_over_at=row.cut_over_at,
        sign_off=sign_off,
        until=row.until,
        reason=row.reason,
        failure=failure,
    )


def _notified(session: Session, tenant_id: int) -> datetime | None:
    """When the newest announcement of a date was first taken by a mail server; None while it was not."""
    announcements = select(Message).where(
        Message.tenant_id == tenant_id,
        Message.channel == outbox.MAIL,
        Message.kind.in_([Notice.SCHEDULED.value, Notice.RESCHEDULED.value]),
    )
    newest = session.scalar(announcements.order_by(Message.id.desc()).limit(1))
    if newest is None:
        return None
    event = newest.key.partition(":")[0]
    sent = [row.sent_at for row in session.scalars(announcements.where(Message.key.like(f"{event}:%"))) if row.sent_at]
    return min(sent, default=None)


def _store(row: MigrationRow, value: Migration) -> None:
    window, failure, sign_off = value.window, value.failure, value.sign_off
    columns: dict[str, Any] = {
        "state": value.state.value,
        "serving": value.serving.value,
        "attempt": value.attempt,
        "window_start": window.start if window else None,
        "window_minutes": window.minutes if window else None,
        "window_interruption": window.interruption if window else None,
        "reminded": value.reminded,
        "records_sent": value.records_sent,
        "frozen_at": value.frozen_at,
        "cut_over_at": value.cut_over_at,
        "sign_off_by": sign_off.by if sign_off else None,
        "sign_off_at": sign_off.at if sign_off else None,
        "until": value.until,
        "reason": value.reason,
        "failed_during": failure.during if failure else None,
        "failed_why": failure.why if failure else None,
        "failed_fix": failure.fix if failure else None,
    }
    for name, wanted in columns.items():
        setattr(row, name, wanted)


__all__ = ["NotFound", "Progress", "apply_event", "apply_in", "check_item", "checklist", "due_by_the_clock", "history"]
