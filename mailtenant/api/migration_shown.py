"""The move as `/api/migration/` shows it."""

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from mailtenant.control import customers, migrations, reports
from mailtenant.control.plane import ControlPlane
from mailtenant.migration.evidence import CUSTOMER_ITEMS, ITEMS
from mailtenant.migration.states import MEANINGS
from mailtenant.migration.todo import WORDS, to_do


class ChecklistOut(BaseModel):
    """`yours`: you say so; the others are proven by us. `note`: on what grounds it is green."""

    item: str
    what: str
    green: bool
    yours: bool
    by: str | None
    at: str | None
    note: str | None


class RecentLogin(BaseModel):
    """A program that logs in: it will need the new host's name. `client`: the address it came from."""

    address: str
    client: str
    service: str = Field(description="imap, pop3, sieve or smtp")
    last_seen: str


class OldHostMailbox(BaseModel):
    """A mailbox that was seen at the old host after the cut-over. `still`: within the last day. `known`: from an
    address that was let in there before; if not, somebody may only be guessing passwords."""

    address: str
    last_seen: str
    clients: list[str]
    services: list[str]
    still: bool
    known: bool


class OldHostLogins(BaseModel):
    """`still`: how many mailboxes have programs that are to be turned to the new host; it falls to 0."""

    looked: str
    still: int
    mailboxes: list[OldHostMailbox]


class SizeOut(BaseModel):
    """What your own servers are to have."""

    size: str
    mailboxes: int
    domains: int
    storage_gib: int


class AgreedSize(SizeOut):
    """What was agreed; `how`: acknowledged as proposed, or changed."""

    by: str
    how: str
    at: str


class UsageOut(BaseModel):
    """What you use on the old host, and what is proposed. `days`: date, mails received, mails sent. Acknowledge or
    change it at `checklist/usage`."""

    mailboxes: int
    domains: int
    octets: int
    mails_a_day_p95: int | None
    days: list[tuple[str, int, int]]
    proposed: SizeOut
    agreed: AgreedSize | None
    at: str


class ProbeOut(BaseModel):
    """One check of your own servers."""

    name: str
    passed: bool
    evidence: str


class VerificationOut(BaseModel):
    """The last round of checks before your move counted as verified."""

    attempt: int
    at: str
    green_since: str | None
    probes: list[ProbeOut]


class ToDoOut(BaseModel):
    """What you have to do yourself: `reconnect`, and `publish_records` where you keep your DNS."""

    item: str
    what: str


class MigrationOut(BaseModel):
    """`progress`: what the present step reports. `window`: when the interruption may be, in UTC. `old_host_logins`:
    from the cut-over on."""

    state: str
    meaning: str
    serving: str = Field(description="shared or tenant: whose hosts `/api/userinfo/` names")
    label: str
    label_confirmed: bool
    tenant_host: str
    window: dict[str, Any] | None
    progress: dict[str, Any]
    until: str | None
    reason: str
    signed_off_by: str | None
    signed_off_at: str | None
    verification: VerificationOut | None
    recent_logins: list[RecentLogin]
    old_host_logins: OldHostLogins | None
    usage: UsageOut | None
    to_do: list[ToDoOut]
    checklist: list[ChecklistOut]


def shown(plane: ControlPlane, session: Session, label: str) -> dict[str, Any]:
    """Of a customer, in the caller's transaction. Raises: NotFound"""
    session.flush()
    tenant = customers.find(session, label)
    row, found = migrations.load(session, tenant)
    green = migrations.checklist(session, tenant.id)
    window = found.window
    return {
        "state": found.state.value,
        "meaning": MEANINGS[found.state].what,
        "serving": found.serving.value,
        "label": tenant.label,
        "label_confirmed": tenant.label_confirmed_at is not None,
        "tenant_host": plane.settings.tenant_host(tenant.label),
        "window": {
            "start": window.start.isoformat(), "end": window.end.isoformat(),
            "interruption_minutes": window.interruption,
        } if window else None,
        "progress": row.progress,
        "until": found.until.isoformat() if found.until else None,
        "reason": found.reason,
        "signed_off_by": found.sign_off.by if found.sign_off else None,
        "signed_off_at": found.sign_off.at.isoformat() if found.sign_off else None,
        "verification": reports.shown_verification(session, tenant.id, found.attempt),
        **reports.shown_logins(session, tenant.id, found.cut_over_at, plane.now()),
        "usage": reports.shown_usage(session, tenant.id),
        "to_do": [{"item": item, "what": WORDS[item]} for item in to_do(found)],
        "checklist": [
            {
                "item": item.value, "what": what, "green": item in green, "yours": item in CUSTOMER_ITEMS,
                "by": green[item].by if item in green else None,
                "at": green[item].at.isoformat() if item in green else None,
                "note": green[item].note if item in green else None,
            }
            for item, what in ITEMS.items()
        ],
    }  # fmt: skip
