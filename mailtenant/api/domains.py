"""`/api/domains/`: which there are, one more asked for, their records, and push, repush, verify and clean as tasks."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy import select

from mailtenant.api.errors import ApiProblem
from mailtenant.api.mailboxes import IdempotencyKey, TaskStarted, plane_of
from mailtenant.api.security import CallerOf, KeyedRoute
from mailtenant.control import audit, customers
from mailtenant.control.errors import Conflict, NotFound
from mailtenant.control.tables import Domain, Task
from mailtenant.migration import Side
from mailtenant.tasks import book
from mailtenant.tasks.kinds import ANSWERS
from mailtenant.tasks.systems import Systems

router = APIRouter(prefix="/api/domains", tags=["domains"], route_class=KeyedRoute)


class DomainOut(BaseModel):
    """`state`: `verified` when all records were seen at the last look, else `dns_pending`."""

    id: int
    name: str
    provider: str = Field(description="manual, cloudflare, godaddy or local")
    state: str
    fully_verified: bool
    verified: str | None


class RecordOut(BaseModel):
    """One record to be there. `ttl` in seconds."""

    name: str
    type: str
    value: str
    ttl: int
    reason: str


class Plan(BaseModel):
    """What the domain needs now; it changes with your move."""

    domain: str
    records: list[RecordOut]


class NewDomain(BaseModel):
    """A domain whose mail you want to have here."""

    name: str = Field(max_length=253)
    provider: str = Field(default="manual", description="who serves its DNS: manual, cloudflare or godaddy")


class Names(BaseModel):
    """Domains by name; empty: all of yours."""

    domains: Annotated[list[str], Field(max_length=500)] = []


@router.get("/", response_model=list[DomainOut])
def list_domains(request: Request, caller: CallerOf) -> list[dict[str, Any]]:
    with plane_of(request).database.read() as session:
        return [_shown(row) for row in customers.domains(session, caller.tenant_id)]


@router.post("/", status_code=202, response_model=TaskStarted)
def add_domain(
    request: Request, caller: CallerOf, wanted: NewDomain, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Asks for one more domain. Support sees to it, as the task's message says: whose it is has to be proven, and what
    your servers take mail for is changed by people. It is in the list once support has added it."""
    plane, name = plane_of(request), wanted.name.strip().lower()
    systems: Systems = request.app.state.systems
    with plane.database.write() as session:
        customers.find(session, caller.label, lock=True)
        known = idempotency_key and session.get(
            Task, book.identity_of(caller.tenant_id, "domain.add", str(idempotency_key))
        )
        if known:
            return {"task_id": known.id}
        customers.check_new_domain(plane, session, name, wanted.provider)
        try:
            allowed = systems.of(caller.label, Side(caller.serving)).domains_allowed()
        except ANSWERS:
            allowed = None  # support will see
        if allowed is not None and len(customers.domains(session, caller.tenant_id)) >= allowed:
            raise Conflict(f"all {allowed} domains of your plan are in use; ask support for more")
        given = {"domain": name, "provider": wanted.provider}
        audit.record(session, caller.actor, "domain.request", caller.tenant_id, plane.now(), **given)
        task = book.ask(plane, session, caller.tenant_id, "domain.add", given, actor=caller.actor, key=idempotency_key)
        return {"task_id": task.id}


@router.get("/{name}", response_model=DomainOut)
def one_domain(request: Request, caller: CallerOf, name: str) -> dict[str, Any]:
    return _shown(_find(request, caller, name))


@router.get("/{name}/plan", response_model=Plan)
def plan(request: Request, caller: CallerOf, name: str) -> dict[str, Any]:
    """Every record with its reason; for those who enter records by hand, this is what to enter."""
    domain = _find(request, caller, name)
    systems: Systems = request.app.state.systems
    try:
        found = systems.of(caller.label, Side(caller.serving)).plan(domain.name)
    except ANSWERS as answer:
        raise ApiProblem(409, "not_now", str(answer)) from None
    shown = [{"name": r.name, "type": r.type, "value": r.value, "ttl": r.ttl, "reason": r.reason} for r in found]
    return {"domain": domain.name, "records": shown}


@router.post("/{name}/push-dns", status_code=202, response_model=TaskStarted)
def push(request: Request, caller: CallerOf, name: str) -> dict[str, Any]:
    """Writes the plan through the domain's provider; nothing else in the zone is touched."""
    return _ask(request, caller, "dns.push", [name])


@router.post("/{name}/repush", status_code=202, response_model=TaskStarted)
def repush(request: Request, caller: CallerOf, name: str) -> dict[str, Any]:
    """As push; what was changed by hand since is put right."""
    return _ask(request, caller, "dns.repush", [name])


@router.post("/{name}/verify", status_code=202, response_model=TaskStarted)
def verify(request: Request, caller: CallerOf, name: str) -> dict[str, Any]:
    """Asks every authoritative server and two resolvers; the task's results say `fullyVerified` and what is wrong."""
    return _ask(request, caller, "dns.verify", [name])


@router.delete("/{name}/dns", status_code=202, response_model=TaskStarted)
def clean(request: Request, caller: CallerOf, name: str) -> dict[str, Any]:
    """Takes our records back; the domain and its mailboxes stay."""
    return _ask(request, caller, "dns.clean", [name])


@router.post("/bulk-push-dns", status_code=202, response_model=TaskStarted)
def bulk_push(request: Request, caller: CallerOf, names: Names) -> dict[str, Any]:
    return _ask(request, caller, "dns.push", names.domains)


@router.post("/bulk-repush", status_code=202, response_model=TaskStarted)
def bulk_repush(request: Request, caller: CallerOf, names: Names) -> dict[str, Any]:
    return _ask(request, caller, "dns.repush", names.domains)


@router.post("/bulk-verify", status_code=202, response_model=TaskStarted)
def bulk_verify(request: Request, caller: CallerOf, names: Names) -> dict[str, Any]:
    return _ask(request, caller, "dns.verify", names.domains)


def _ask(request: Request, caller: CallerOf, kind: str, names: Sequence[str]) -> dict[str, Any]:
    plane = plane_of(request)
    with plane.database.write() as session:
        own = [row.name for row in customers.domains(session, caller.tenant_id)]
        wanted = list(dict.fromkeys(name.lower() for name in names))
        if set(wanted) - set(own):
            raise NotFound("no such domain")
        given = {"domains": wanted or own}
        return {"task_id": book.ask(plane, session, caller.tenant_id, kind, given, actor=caller.actor).id}


def _find(request: Request, caller: CallerOf, name: str) -> Domain:
    with plane_of(request).database.read() as session:
        found = session.scalar(select(Domain).where(Domain.tenant_id == caller.tenant_id, Domain.name == name.lower()))
    if found is None:
        raise NotFound("no such domain")
    return found


def _shown(row: Domain) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "provider": row.provider, "fully_verified": row.verified_at is not None,
        "state": "verified" if row.verified_at else "dns_pending",
        "verified": row.verified_at.isoformat() if row.verified_at else None,
    }  # fmt: skip
