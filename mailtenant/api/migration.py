"""`/api/migration/`: the customer's move: state, history, checklist, label; and what the customer decides."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy.orm import Session

from mailtenant.api.errors import ApiProblem
from mailtenant.api.mailboxes import plane_of
from mailtenant.api.security import CallerOf, KeyedRoute
from mailtenant.control import customers, migrations, proofs, reports
from mailtenant.control.plane import ControlPlane
from mailtenant.migration import State, events
from mailtenant.migration.evidence import CUSTOMER_ITEMS, ITEMS, Item
from mailtenant.migration.states import MEANINGS
from mailtenant.migration.todo import WORDS, to_do
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import check_plain_text

router = APIRouter(prefix="/api/migration", tags=["migration"], route_class=KeyedRoute)


def _plain(text: str) -> str:
    try:
        check_plain_text(text)
    except Refusal as refusal:
        raise ValueError(str(refusal)) from None
    return text


def _utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("give a time with its zone, for example 2027-01-31T00:00:00Z")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is before year 1 or after year 9999 in UTC") from None


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Moment = Annotated[datetime, AfterValidator(_utc)]


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


class EventOut(BaseModel):
    """One line of the history."""

    number: int
    event: str
    source: str
    target: str
    by: str
    at: str


class Acknowledgement(BaseModel):
    """Who says so."""

    by: Text
    note: str = Field(default="", max_length=500)
    size: str | None = Field(default=None, description="for `usage`: another one than proposed; small, medium, large")
    mailboxes: int | None = Field(default=None, ge=1, le=100_000, description="for `usage`, as `size`")
    domains: int | None = Field(default=None, ge=1, le=1_000, description="for `usage`, as `size`")
    storage_gib: int | None = Field(default=None, ge=1, le=65_536, description="for `usage`, as `size`")

    def wishes(self) -> dict[str, Any]:
        """What is wanted otherwise than proposed."""
        wanted = {name: getattr(self, name) for name in ("size", "mailboxes", "domains", "storage_gib")}
        return {name: value for name, value in wanted.items() if value is not None}


class Answer(BaseModel):
    """The code of our message to your contact, and who read it."""

    code: str = Field(min_length=1, max_length=64)
    by: Text


class NewLabel(BaseModel):
    """The label that becomes the first part of your host; left out: the proposed one."""

    label: str | None = Field(default=None, max_length=63)


class PutOff(BaseModel):
    """Until when, and why."""

    until: Moment
    reason: Text


class SignOff(BaseModel):
    """Who signs off."""

    by: Text


@router.get("/", response_model=MigrationOut)
def state(request: Request, caller: CallerOf) -> dict[str, Any]:
    plane = plane_of(request)
    with plane.database.read() as session:
        return _shown(plane, session, caller.label)


@router.get("/history", response_model=list[EventOut])
def history(request: Request, caller: CallerOf) -> list[dict[str, Any]]:
    """Oldest first."""
    with plane_of(request).database.read() as session:
        return [
            {
                "number": one.version, "event": one.event, "source": one.source, "target": one.target,
                # Which of our people it was is not the customer's business.
                "by": one.actor if one.actor == caller.actor else one.actor.partition(":")[0], "at": one.at.isoformat(),
            }
            for one in migrations.history(session, caller.tenant_id)
        ]  # fmt: skip


@router.post("/checklist/{item}", response_model=MigrationOut)
def acknowledge(
    request: Request, caller: CallerOf, item: Annotated[Item, Path()], said: Acknowledgement
) -> dict[str, Any]:
    """For `team`, `systems` and `usage`; the others turn green when we have proven them. `usage` takes the proposed
    size, or another one."""
    wishes = said.wishes()
    if item is not Item.USAGE:
        if wishes:
            raise ApiProblem(409, "not_here", "only the item `usage` takes a size")
        return _check(request, caller, item, green=True, by=said.by, note=said.note)
    plane = plane_of(request)
    with plane.database.write() as session:
        tenant = customers.find(session, caller.label, lock=True)
        proofs.agree_size(plane, session, tenant, by=said.by, actor=caller.actor, note=said.note, **wishes)
        return _shown(plane, session, caller.label)


@router.delete("/checklist/{item}", response_model=MigrationOut)
def withdraw(request: Request, caller: CallerOf, item: Annotated[Item, Path()]) -> dict[str, Any]:
    """Red again."""
    return _check(request, caller, item, green=False, by=caller.actor, note="")


@router.post("/contact", response_model=MigrationOut)
def contact_answers(request: Request, caller: CallerOf, said: Answer) -> dict[str, Any]:
    """The answer to our question whether somebody reads what we write to your contact."""
    plane = plane_of(request)
    with plane.database.write() as session:
        tenant = customers.find(session, caller.label, lock=True)
        proofs.answered(plane, session, tenant, said.code, by=said.by, actor=caller.actor)
        return _shown(plane, session, caller.label)


@router.post("/label", response_model=MigrationOut)
def confirm_label(request: Request, caller: CallerOf, wanted: NewLabel) -> dict[str, Any]:
    """Fixes your label; it never changes after that."""
    plane = plane_of(request)
    with plane.database.write() as session:
        tenant = customers.confirm(plane, session, caller.label, actor=caller.actor, new_label=wanted.label)
        return _shown(plane, session, tenant.label)


@router.post("/request", response_model=MigrationOut)
def ask_again(request: Request, caller: CallerOf) -> dict[str, Any]:
    """You want to move after all: after a deferral, an opt-out or a rollback."""
    waiting = caller.state in (State.DEFERRED, State.OPTED_OUT)
    return _apply(request, caller, events.Resume() if waiting else events.Request())


@router.post("/defer", response_model=MigrationOut)
def defer(request: Request, caller: CallerOf, wanted: PutOff) -> dict[str, Any]:
    """Not now; possible until copying begins."""
    return _apply(request, caller, events.Defer(wanted.until, wanted.reason))


@router.post("/opt-out", response_model=MigrationOut)
def opt_out(request: Request, caller: CallerOf, wanted: PutOff) -> dict[str, Any]:
    """Not wanted; we ask again when the date has come."""
    return _apply(request, caller, events.OptOut(wanted.until, wanted.reason))


@router.post("/sign-off", response_model=MigrationOut)
def sign_off(request: Request, caller: CallerOf, said: SignOff) -> dict[str, Any]:
    """All is well on your own servers."""
    return _apply(request, caller, events.Agree(said.by))


def _apply(request: Request, caller: CallerOf, event: events.Event) -> dict[str, Any]:
    plane = plane_of(request)
    with plane.database.write() as session:
        migrations.apply_in(plane, session, caller.label, event, actor=caller.actor)
        return _shown(plane, session, caller.label)


def _check(request: Request, caller: CallerOf, item: Item, *, green: bool, by: str, note: str) -> dict[str, Any]:
    if item not in CUSTOMER_ITEMS:
        raise ApiProblem(409, "not_yours", "this item turns green when we have proven it; ask support")
    plane = plane_of(request)
    with plane.database.write() as session:
        tenant = customers.find(session, caller.label, lock=True)
        migrations.check_item(plane, session, tenant, item, green=green, by=by, note=note, actor=caller.actor)
        return _shown(plane, session, caller.label)


def _shown(plane: ControlPlane, session: Session, label: str) -> dict[str, Any]:
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
