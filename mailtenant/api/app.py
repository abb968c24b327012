"""The application: routes, errors, request ids, and what begins and ends with the process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import text

from mailtenant import __version__
from mailtenant.api import domains, errors, mailboxes, migration, tasks, userinfo
from mailtenant.api.directory import Directory
from mailtenant.api.middleware import Envelope
from mailtenant.api.security import Gate
from mailtenant.control.plane import ControlPlane
from mailtenant.tasks.durable import TaskWorker
from mailtenant.tasks.systems import Systems

_DESCRIPTION = """Where to connect, your mailboxes and domains, and your move to servers of your own.

Send your key as `Authorization: Api-Key <key>` or `X-Server-API-Key: <key>`. Paths, fields and keys do not change with
your move; new fields may be added. Long work answers with a `task_id`."""


def create_app(plane: ControlPlane, systems: Systems, worker: TaskWorker | None = None) -> FastAPI:
    """`worker`: carries out tasks in this process; None: another process does."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        if worker is not None:
            await asyncio.to_thread(worker.start)
        try:
            yield
        finally:
            if worker is not None:
                await asyncio.to_thread(worker.stop)
            app.state.gate.directory.close()

    app = FastAPI(
        title="mailtenant", version=__version__, description=_DESCRIPTION, lifespan=life,
        docs_url=None, redoc_url=None, openapi_url="/api/openapi.json", redirect_slashes=False,
    )  # fmt: skip
    app.state.gate = Gate(plane, Directory(plane.database, plane.now))
    app.state.systems = systems
    # First, and not included like the others: FastAPI looks twice through an included router at every request.
    app.router.routes.extend(userinfo.router.routes)
    for module in (mailboxes, domains, tasks, migration):
        app.include_router(module.router)
    errors.install(app)
    app.add_api_route("/healthz", _health, include_in_schema=False, methods=["GET", "HEAD"])
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign]
    app.add_middleware(Envelope, paths=frozenset(path for path in app.openapi()["paths"] if path.endswith("/")))
    return app


def _health(request: Request) -> Response:
    """200 when the database answers. No key, and nothing of a customer in it."""
    gate: Gate = request.app.state.gate
    with gate.plane.database.read() as session:
        session.execute(text("SELECT 1"))
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


def _schema(app: FastAPI) -> dict[str, Any]:
    """FastAPI's own, with both headers of the key and the one shape of errors."""
    if app.openapi_schema is None:
        schema = FastAPI.openapi(app)
        schema["info"]["version"] = "1"
        parts = schema.setdefault("components", {})
        parts["securitySchemes"] = {
            "apiKey": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Api-Key <key>`"},
            "serverApiKey": {"type": "apiKey", "in": "header", "name": "X-Server-API-Key"},
        }
        inner = {
            "code": {"type": "string"}, "message": {"type": "string"}, "request_id": {"type": "string"},
            "reasons": {"type": "array", "items": {"type": "string"}},
        }  # fmt: skip
        error = {"type": "object", "properties": inner, "required": list(inner)}
        parts["schemas"]["Error"] = {"type": "object", "properties": {"error": error}, "required": ["error"]}
        for unused in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(unused, None)
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
        schema["security"] = [{"apiKey": []}, {"serverApiKey": []}]
        for path in schema["paths"].values():
            for operation in path.values():
                for status, what in (
                    ("401", "no key, or one that does not hold"), ("404", "not there, or not yours"),
                    ("409", "not now: `reasons` says what must be true first"),
                    ("422", "not as the API wants it"), ("429", "too many: wait as Retry-After says"),
                ):  # fmt: skip
                    operation["responses"][status] = {"description": what, "content": content}
        app.openapi_schema = schema
    return app.openapi_schema
