"""`/api/tasks/`: how far long work is, and stopping it."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from mailtenant.api.mailboxes import plane_of
from mailtenant.api.security import CallerOf, KeyedRoute
from mailtenant.tasks import book

router = APIRouter(prefix="/api/tasks", tags=["tasks"], route_class=KeyedRoute)


class TaskOut(BaseModel):
    """Ended when `state` is COMPLETED, FAILED or CANCELLED; before that PENDING or RUNNING."""

    id: str
    kind: str
    state: str
    progress: int = Field(description="per cent")
    message: str
    outputs: dict[str, Any]
    created: str
    ended: str | None


@router.get("/", response_model=list[TaskOut])
def list_tasks(request: Request, caller: CallerOf) -> list[dict[str, Any]]:
    """The newest 100."""
    with plane_of(request).database.read() as session:
        return [book.as_json(row) for row in book.every(session, caller.tenant_id)]


@router.get("/{identity}", response_model=TaskOut)
def one_task(request: Request, caller: CallerOf, identity: str) -> dict[str, Any]:
    with plane_of(request).database.read() as session:
        return book.as_json(book.find(session, caller.tenant_id, identity))


@router.post("/{identity}/cancel", response_model=TaskOut)
def cancel_task(request: Request, caller: CallerOf, identity: str) -> dict[str, Any]:
    """What waits is cancelled at once; what runs stops before its next item; what has ended stays as it is."""
    plane = plane_of(request)
    with plane.database.write() as session:
        row = book.cancel(plane, session, caller.tenant_id, identity, actor=caller.actor)
        return book.as_json(row)
