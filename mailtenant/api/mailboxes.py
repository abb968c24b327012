"""`/api/mailboxes/`: the list at once, every change as a task."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtenant.accounts.address import parse_mailbox_address
from mailtenant.accounts.errors import AccountError
from mailtenant.accounts.passwords import PasswordRefused, generate_password, hash_password
from mailtenant.api.errors import ApiProblem
from mailtenant.api.security import CallerOf, Gate, KeyedRoute
from mailtenant.control import customers
from mailtenant.control.errors import Conflict, ControlError, NotFound
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import LARGEST_ID, Domain, Mailbox, Task, Tenant, may_be_id
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import check_plain_text
from mailtenant.tasks import book

router = APIRouter(prefix="/api/mailboxes", tags=["mailboxes"], route_class=KeyedRoute)
PAGE: Final = 200
IdempotencyKey = Annotated[
    str | None, Header(max_length=128, description="the same key again gives the task that it made before")
]


class NewMailbox(BaseModel):
    """`email` is what stands before the @; `domain` the id of one of your domains."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    email: str = Field(max_length=64)
    domain: int
    password: SecretStr | None = Field(default=None, description="left out: one is made and shown once, in the answer")
    name: str = Field(default="", max_length=200)


class NewPassword(BaseModel):
    """A password, or none: one is made."""

    model_config = ConfigDict(hide_input_in_errors=True)

    password: SecretStr | None = None


class MailboxOut(BaseModel):
    """`state`: creating, active or removing. The id stays through a move."""

    id: int
    email: str
    name: str
    domain: int
    domain_name: str
    state: str
    created: str


class TaskStarted(BaseModel):
    """Ask `/api/tasks/<task_id>` how far it is. `password`: only if we made it, and only in this answer."""

    task_id: str
    id: int | None = None
    password: str | None = None


@router.get("/", response_model=list[MailboxOut])
def list_mailboxes(request: Request, caller: CallerOf, after: int = 0) -> list[dict[str, Any]]:
    """By id; at most 200, the next ones with `after=<last id>`."""
    query = (
        select(Mailbox, Domain.name)
        .join(Domain, Domain.id == Mailbox.domain_id)
        .where(Mailbox.tenant_id == caller.tenant_id, Mailbox.id > max(0, min(after, LARGEST_ID)))
        .order_by(Mailbox.id)
        .limit(PAGE)
    )
    with plane_of(request).database.read() as session:
        return [_shown(box, domain) for box, domain in session.execute(query)]


@router.get("/{number}", response_model=MailboxOut)
def one_mailbox(request: Request, caller: CallerOf, number: int) -> dict[str, Any]:
    with plane_of(request).database.read() as session:
        box = _find(session, caller.tenant_id, number)
        return _shown(box, session.get_one(Domain, box.domain_id).name)


@router.post("/", status_code=202, response_model=TaskStarted)
def add_mailbox(
    request: Request, caller: CallerOf, wanted: NewMailbox, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Works for mail and login when the task has ended."""
    plane = plane_of(request)
    stored, made = _password(wanted.password)
    try:
        check_plain_text(wanted.name or "x")
    except Refusal as refusal:
        raise ControlError(f"`name` {refusal}") from None
    with plane.database.write() as session:
        customers.find(session, caller.label, lock=True)
        domain = session.get(Domain, wanted.domain) if may_be_id(wanted.domain) else None
        if domain is None or domain.tenant_id != caller.tenant_id:
            raise ApiProblem(422, "invalid", "`domain` is the id of none of your domains; see `/api/domains/`")
        try:
            address = parse_mailbox_address(f"{wanted.email}@{domain.name}")
        except AccountError as error:
            raise ControlError(str(error)) from None
        if idempotency_key and (known := _earlier(session, caller.tenant_id, idempotency_key)):
            return {"task_id": known.id, "id": known.given["mailbox"]}
        if session.scalar(select(Mailbox.id).where(Mailbox.address == address)) is not None:
            raise Conflict("a mailbox of that address exists already")
        box = Mailbox(
            tenant_id=caller.tenant_id, domain_id=domain.id, address=address, name=wanted.name, password_hash=stored,
            state="creating", created_at=plane.now(),
        )  # fmt: skip
        session.add(box)
        session.flush()
        task = _ask(plane, session, caller, "mailbox.add", {"mailbox": box.id}, idempotency_key)
        return {"task_id": task.id, "id": box.id, "password": made}


@router.post("/refresh", status_code=202, response_model=TaskStarted)
def refresh(request: Request, caller: CallerOf) -> dict[str, Any]:
    """Takes over what your mail servers hold: mailboxes that were made elsewhere get an id."""
    plane = plane_of(request)
    with plane.database.write() as session:
        return {"task_id": _ask(plane, session, caller, "mailbox.refresh", {}, None).id}


@router.post("/{number}/password", status_code=202, response_model=TaskStarted)
def change_password(request: Request, caller: CallerOf, number: int, wanted: NewPassword) -> dict[str, Any]:
    """Sessions that were opened with the old one end."""
    plane = plane_of(request)
    stored, made = _password(wanted.password)
    with plane.database.write() as session:
        box = _settled(_find(session, caller.tenant_id, number, lock=True))
        box.password_hash = stored
        task = _ask(plane, session, caller, "mailbox.password", {"mailbox": box.id}, None)
        return {"task_id": task.id, "id": box.id, "password": made}


@router.delete("/{number}", status_code=202, response_model=TaskStarted)
def remove_mailbox(request: Request, caller: CallerOf, number: int, delete_mail: bool = False) -> dict[str, Any]:
    """Its mail stays, unless `delete_mail=true`."""
    plane = plane_of(request)
    with plane.database.write() as session:
        box = _settled(_find(session, caller.tenant_id, number, lock=True))
        box.state = "removing"
        given = {"mailbox": box.id, "delete_mail": delete_mail}
        return {"task_id": _ask(plane, session, caller, "mailbox.remove", given, None).id, "id": box.id}


def plane_of(request: Request) -> ControlPlane:
    """The control plane behind this request."""
    gate: Gate = request.app.state.gate
    return gate.plane


def _password(given: SecretStr | None) -> tuple[str, str | None]:
    """Its hash, and the password itself if we made it. Raises: ControlError"""
    made = generate_password() if given is None else None
    try:
        return hash_password(made or given.get_secret_value()), made  # type: ignore[union-attr]
    except PasswordRefused as refused:
        raise ControlError(str(refused)) from None


def _ask(
    plane: ControlPlane, session: Session, caller: CallerOf, kind: str, given: dict[str, Any], key: str | None
) -> Task:
    return book.ask(plane, session, caller.tenant_id, kind, given, actor=caller.actor, key=key)


def _earlier(session: Session, tenant_id: int, key: str) -> Task | None:
    return session.get(Task, book.identity_of(tenant_id, "mailbox.add", key))


def _find(session: Session, tenant_id: int, number: int, *, lock: bool = False) -> Mailbox:
    if not may_be_id(number):
        raise NotFound("no such mailbox")
    query = select(Mailbox).where(Mailbox.id == number, Mailbox.tenant_id == tenant_id)
    box = session.scalar(query.with_for_update() if lock else query)
    if box is None or session.get_one(Tenant, tenant_id).removed_at is not None:
        raise NotFound("no such mailbox")
    return box


def _settled(box: Mailbox) -> Mailbox:
    if box.state != "active":
        raise Conflict(f"this mailbox is {box.state}; wait for its task")
    return box


def _shown(box: Mailbox, domain: str) -> dict[str, Any]:
    return {
        "id": box.id, "email": box.address, "name": box.name, "domain": box.domain_id, "domain_name": domain,
        "state": box.state, "created": box.created_at.isoformat(),
    }  # fmt: skip
