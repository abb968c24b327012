"""Alerts: what operators are to know without looking. Each is a row, written in the transaction of the event that it
tells of, with a message to each place that is configured, by the outbox.

Once an event: `Alert.key` names it and is unique. Events have no end; a problem that the watch saw is *lasting*: it is
told when it begins and when it is over. Nothing is configured: the rows are kept and shown, and nothing is sent.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mailtenant.control import outbox
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Alert, Message, Tenant

MESSAGE: Final = "alert"
"""Kind of the outbox's rows, and template of the mail."""
PAGE: Final = "docs/alerts.md"
HOOK: Final = "MAILTENANT_ALERT_WEBHOOK"
"""In the place of the webhook's address, which may hold a token."""

EVERYBODY: Final = "*"
"""`Alert.tenant` of what concerns no single one; no label can be this."""


class Kind(StrEnum):
    """Each has a section in docs/alerts.md."""

    MOVE_FAILED = "move-failed"
    RUN_WAITS = "run-waits"
    WINDOW_OVERRUN = "window-overrun"
    FREEZE_LONG = "freeze-long"
    ROLLBACK_ORDERED = "rollback-ordered"
    ROLLBACK_DONE = "rollback-done"
    RECORDS_MISSING = "records-missing"
    MESSAGE_GIVEN_UP = "message-given-up"
    CERTIFICATE = "certificate"
    DNS = "dns"
    CHECK = "check"
    DRIFT = "drift"
    NOT_ASKED = "not-asked"
    NO_WORKER = "no-worker"


TITLES: Final[Mapping[Kind, str]] = {
    Kind.MOVE_FAILED: "the move stands failed",
    Kind.RUN_WAITS: "the move waits for a person",
    Kind.WINDOW_OVERRUN: "the window ends before the move",
    Kind.FREEZE_LONG: "the interruption is longer than announced",
    Kind.ROLLBACK_ORDERED: "a rollback was ordered",
    Kind.ROLLBACK_DONE: "the rollback is done",
    Kind.RECORDS_MISSING: "records by hand are still missing",
    Kind.MESSAGE_GIVEN_UP: "a message to the customer was given up",
    Kind.CERTIFICATE: "a certificate ends",
    Kind.DNS: "DNS is not as planned",
    Kind.CHECK: "the check fails",
    Kind.DRIFT: "what runs is not what the stack file says",
    Kind.NOT_ASKED: "a question of the watch has no answer",
    Kind.NO_WORKER: "no worker carries out moves",
}
LASTING: Final = (Kind.CERTIFICATE, Kind.DNS, Kind.CHECK, Kind.DRIFT, Kind.NOT_ASKED, Kind.NO_WORKER)
"""Problems with an end."""


@dataclass(frozen=True)
class Problem:
    """One that the watch saw at a tenant. `subject`: which one of its kind, where there can be several."""

    kind: Kind
    what: str
    fix: str
    subject: str = ""


def tell(
    plane: ControlPlane, session: Session, kind: Kind, tenant: str, key: str, what: str, fix: str, *, subject: str = ""
) -> bool:
    """An alert and its messages, in the caller's transaction. False: this event was told before."""
    row = Alert(
        key=f"{kind}:{key}", kind=kind.value, tenant=tenant, subject=subject, what=what, fix=fix,
        lasting=kind in LASTING, at=plane.now(), ended_at=None,
    )  # fmt: skip
    if session.scalar(select(Alert.id).where(Alert.key == row.key)) is not None:
        return False
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        return False  # another worker told it this very moment
    _write(plane, session, row, over=False)
    return True


def given_up(plane: ControlPlane, session: Session, message: Message) -> None:
    """A message to a customer that will not be tried again. Called once each time that this happens."""
    tenant = session.get_one(Tenant, message.tenant_id)
    what = f"{message.kind} ({message.id}) by {message.channel}: {message.error}"
    fix = f"put the address right, then mailtenant notifications retry {message.id}, or send it in another way"
    key = f"{message.id}:{plane.now().isoformat()}"
    tell(plane, session, Kind.MESSAGE_GIVEN_UP, tenant.label, key, what, fix)


def settle(
    plane: ControlPlane, session: Session, tenant: str, answered: Collection[Kind], found: Sequence[Problem]
) -> tuple[Sequence[Problem], Sequence[Alert]]:
    """Tells what is new and what is over; both. Of kinds that were not `answered` nothing ends."""
    query = select(Alert).where(Alert.tenant == tenant, Alert.lasting, Alert.ended_at.is_(None)).with_for_update()
    known = {(row.kind, row.subject): row for row in session.scalars(query)}
    new = []
    for one in found:
        if (row := known.pop((one.kind.value, one.subject), None)) is not None:
            row.what, row.fix = one.what, one.fix  # the newest words, for those who look
            continue
        same = select(func.count()).where(
            Alert.tenant == tenant, Alert.kind == one.kind.value, Alert.subject == one.subject
        )
        key = f"{tenant}:{one.subject}:{session.scalar(same)}"
        if tell(plane, session, one.kind, tenant, key, one.what, one.fix, subject=one.subject):
            new.append(one)
    over = [row for row in known.values() if Kind(row.kind) in answered]
    for row in over:
        row.ended_at = plane.now()
        _write(plane, session, row, over=True)
    return new, over


def _write(plane: ControlPlane, session: Session, row: Alert, *, over: bool) -> None:
    settings, shown = plane.settings, as_json(row)
    facts = {
        **shown, "title": TITLES[Kind(row.kind)], "over": over, "at": shown["ended"] if over else shown["at"],
        "label": row.tenant, "contact": "Operators",
    }  # fmt: skip
    places = []
    if settings.alert_email:
        places.append((outbox.MAIL, settings.alert_email))
    if settings.alert_webhook.get_secret_value():
        places.append((outbox.OPERATORS, HOOK))
    for channel, recipient in places:
        key = f"alert-{row.id}-{'over' if over else 'begun'}:{channel}"
        outbox.put(plane, session, None, key, MESSAGE, channel, recipient, facts)


def listing(session: Session, tenant: str | None = None, *, on: bool = False, limit: int = 200) -> Sequence[Alert]:
    """The newest first. `on`: only problems that are not over."""
    query = select(Alert).order_by(Alert.id.desc()).limit(limit)
    if tenant is not None:
        query = query.where(Alert.tenant == tenant)
    if on:
        query = query.where(Alert.lasting, Alert.ended_at.is_(None))
    return session.scalars(query).all()


def as_json(row: Alert) -> dict[str, Any]:
    """As commands and webhooks show it; the keys are stable."""
    return {
        "id": row.id, "kind": row.kind, "tenant": row.tenant, "subject": row.subject, "what": row.what, "fix": row.fix,
        "lasting": row.lasting, "at": _time(row.at), "ended": _time(row.ended_at), "page": f"{PAGE}#{row.kind}",
    }  # fmt: skip


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
