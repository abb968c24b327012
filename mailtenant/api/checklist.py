"""`/api/migration/checklist/` and `…/contact`: what the customer says about the preparation of its move."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from mailtenant.api.errors import ApiProblem
from mailtenant.api.given import Text
from mailtenant.api.mailboxes import plane_of
from mailtenant.api.migration_shown import MigrationOut, shown
from mailtenant.api.security import CallerOf, KeyedRoute
from mailtenant.control import customers, migrations, proofs
from mailtenant.migration.evidence import CUSTOMER_ITEMS, Item

router = APIRouter(route_class=KeyedRoute)


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
        return shown(plane, session, caller.label)


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
        return shown(plane, session, caller.label)


def _check(request: Request, caller: CallerOf, item: Item, *, green: bool, by: str, note: str) -> dict[str, Any]:
    if item not in CUSTOMER_ITEMS:
        raise ApiProblem(409, "not_yours", "this item turns green when we have proven it; ask support")
    plane = plane_of(request)
    with plane.database.write() as session:
        tenant = customers.find(session, caller.label, lock=True)
        migrations.check_item(plane, session, tenant, item, green=green, by=by, note=note, actor=caller.actor)
        return shown(plane, session, caller.label)
