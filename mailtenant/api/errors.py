"""Errors of the API: one shape for all, `{"error": {"code", "message", "request_id", "reasons"}}`."""

import logging
from collections.abc import Mapping, Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from mailtenant.control.errors import Conflict, ControlError, NotFound
from mailtenant.migration import Refused

_log = logging.getLogger("mailtenant.api")
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 409: "conflict", 413: "too_large"}


class ApiProblem(Exception):
    """Ends a request. `message` is for the customer's developer: what and the fix, never a value that was sent."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        reasons: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.reasons = status, code, message, tuple(reasons)
        self.headers = dict(headers or {})


def problem(
    request: Request, status: int, code: str, message: str, headers: Mapping[str, str] | None = None,
    reasons: Sequence[str] = (),
) -> Response:  # fmt: skip
    """The answer itself."""
    identity = request.scope.get("request_id", "")
    body = {"code": code, "message": message, "request_id": identity, "reasons": list(reasons)}
    return JSONResponse({"error": body}, status, dict(headers or {}))


def install(app: FastAPI) -> None:
    """Every way in which a request can fail answers in this shape."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiProblem)  # noqa: S101 - registered for it
        return problem(request, error.status, error.code, error.message, error.headers, error.reasons)

    async def control(request: Request, error: Exception) -> Response:
        if isinstance(error, NotFound):
            return problem(request, 404, "not_found", "there is no such thing")
        if isinstance(error, Conflict):
            return problem(request, 409, "conflict", str(error))
        return problem(request, 422, "invalid", str(error))

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)  # noqa: S101
        said = f"`{error.event}` is not possible in state {error.state.value}"
        return problem(request, 409, "not_now", said, reasons=error.reasons)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        # Where and what, without the value: it may be a password.
        reasons = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
        return problem(request, 422, "invalid", "the request is not as the API wants it", reasons=reasons)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        code = _CODES.get(error.status_code, "error")
        return problem(request, error.status_code, code, str(error.detail), error.headers)

    async def database(request: Request, error: Exception) -> Response:
        # The driver's text may hold statements with their parameters.
        kind = type(getattr(error, "orig", error)).__name__
        _log.error("%s: the database is away or refused (%s)", request.scope.get("request_id"), kind)
        return problem(request, 503, "unavailable", "try again in a moment", {"Retry-After": "5"})

    async def unstorable(request: Request, error: Exception) -> Response:
        # PostgreSQL keeps no NUL in a text.
        return problem(request, 422, "invalid", "a value holds a character that cannot be stored; leave it out")

    app.add_exception_handler(ApiProblem, ours)
    app.add_exception_handler(ControlError, control)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(DBAPIError, database)
    app.add_exception_handler(DataError, unstorable)
    app.add_exception_handler(PoolTimeout, database)
