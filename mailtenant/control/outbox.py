"""The outbox: messages to customers and operators, written in the transaction of the event that they tell of.

What is guaranteed: an event that was committed has exactly one row for each contact (and one for the webhook).
`mailtenant.control.sender` sends them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtenant.control import customers
from mailtenant.control.errors import Conflict, NotFound
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Contact, Message, Tenant, may_be_id
from mailtenant.migration import Migration, Notice

MAIL: Final = "mail"
WEBHOOK: Final = "webhook"
WAITING: Final = "waiting"
SENT: Final = "sent"
DEAD: Final = "dead"
OPERATORS: Final = "operator"
"""Channel of the operators' own webhook."""


def write(
    plane: ControlPlane,
    session: Session,
    tenant: Tenant,
    notice: Notice,
    key: str,
    migration: Migration,
    told: Mapping[str, str],
) -> None:
    """One row a contact, and one for the webhook if there is one.

    Raises: Conflict, if there is nobody to write to: an announcement that nobody gets is none.
    """
    contacts = customers.contacts(session, tenant.id)
    if not contacts:
        raise Conflict(f"{tenant.label} has no contact to announce this to; mailtenant customer contact {tenant.label}")
    facts = _facts(plane, tenant, migration) | dict(told)
    letters = [(MAIL, contact.email, facts | {"contact": contact.name}) for contact in contacts]
    if tenant.webhook_url:
        letters.append((WEBHOOK, tenant.webhook_url, facts))
    for number, (channel, recipient, shown) in enumerate(letters):
        put(plane, session, tenant.id, f"{key}:{channel}-{number}", notice.value, channel, recipient, shown)


def write_contact(plane: ControlPlane, session: Session, tenant: Tenant, contact: Contact, code: str) -> None:
    """Asks one contact to answer with `code`; only there, so that the answer shows who reads it."""
    facts = {
        "organisation": tenant.organisation, "contact": contact.name, "code": code,
        "support": plane.settings.support_email, "label": tenant.label,
    }  # fmt: skip
    key = f"contact-{contact.id}-{code}:{MAIL}"
    put(plane, session, tenant.id, key, Notice.CONTACT.value, MAIL, contact.email, facts)


def put(
    plane: ControlPlane, session: Session, tenant_id: int | None, key: str, kind: str, channel: str, recipient: str,
    facts: Mapping[str, Any],
) -> None:  # fmt: skip
    """One row that is due now. `tenant_id` None: to operators."""
    session.add(
        Message(
            key=key, tenant_id=tenant_id, kind=kind, channel=channel, recipient=recipient, facts=dict(facts),
            state=WAITING, attempts=0, due_at=plane.now(), created_at=plane.now(),
        )
    )  # fmt: skip


def _facts(plane: ControlPlane, tenant: Tenant, migration: Migration) -> dict[str, Any]:
    """What templates may show. Never a password: there is none in here."""
    window = migration.window
    return {
        "organisation": tenant.organisation,
        "label": tenant.label,
        "shared_host": plane.settings.shared_imap_host,
        "tenant_host": plane.settings.tenant_host(tenant.label),
        "smtp_host": tenant.smtp_host,
        "imap_host": tenant.imap_host,
        "window_start": window.start.isoformat() if window else None,
        "window_end": window.end.isoformat() if window else None,
        "interruption_minutes": window.interruption if window else None,
        "hold_days": plane.settings.hold_days,
        "manual_dns": migration.manual_dns,
        "support": plane.settings.support_email,
    }


def listing(session: Session, tenant_id: int | None = None, *, unsent: bool = False) -> Sequence[Message]:
    """Messages, the newest first."""
    query = select(Message).order_by(Message.id.desc())
    if tenant_id is not None:
        query = query.where(Message.tenant_id == tenant_id)
    if unsent:
        query = query.where(Message.state != SENT)
    return session.scalars(query.limit(500)).all()


def revive(plane: ControlPlane, session: Session, number: int) -> Message:
    """Gives a dead message another round of attempts. Raises: NotFound"""
    row = session.get(Message, number) if may_be_id(number) else None
    if row is None or row.state != DEAD:
        raise NotFound("no dead message of that number; `mailtenant notifications list --unsent`")
    row.state, row.attempts, row.due_at = WAITING, 0, plane.now()
    return row
