"""`/api/migration/`: the customer's move: state, history, label; and what the customer decides."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from mailtenant.api import checklist
from mailtenant.api.given import Moment, Text
from mailtenant.api.mailboxes import plane_of
from mailtenant.api.migration_shown import MigrationOut, shown
from mailtenant.api.security import CallerOf, KeyedRoute
from mailtenant.control import customers, migrations
from mailtenant.migration import State, events

router = APIRouter(prefix="/api/migration", tags=["migration"], route_class=KeyedRoute)


class EventOut(BaseModel):
    """One line of the history."""

    number: int
    event: str
    source: str
    target: str
    by: str
    at: str


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
        return shown(plane, session, caller.label)


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


router.include_router(checklist.router)


@router.post("/label", response_model=MigrationOut)
def confirm_label(request: Request, caller: CallerOf, wanted: NewLabel) -> dict[str, Any]:
    """Fixes your label; it never changes after that."""
    plane = plane_of(request)
    with plane.database.write() as session:
        tenant = customers.confirm(plane, session, caller.label, actor=caller.actor, new_label=wanted.label)
        return shown(plane, session, tenant.label)


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
        return shown(plane, session, caller.label)
