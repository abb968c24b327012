"""Who calls: the key from either header, limits by key, and by address for those whose key is wrong."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from limits import RateLimitItem, parse
from starlette.types import Receive, Scope, Send

from mailtenant.api.counting import counting
from mailtenant.api.directory import Caller, Directory
from mailtenant.api.errors import ApiProblem
from mailtenant.control.api_keys import LONGEST
from mailtenant.control.plane import ControlPlane

CHALLENGE: Final = 'Api-Key realm="mailtenant"'


@dataclass
class Gate:
    """What stands between a request and an endpoint; one a process, in `app.state.gate`."""

    plane: ControlPlane
    directory: Directory

    def __post_init__(self) -> None:
        settings = self.plane.settings
        self._counting = counting(settings.rate_storage)
        self._per_key, self._per_address = parse(settings.rate_key), parse(settings.rate_address)

    async def admit(self, request: Request) -> Caller:
        """Raises: ApiProblem 401, 429"""
        key = given_key(request)
        if key is None:
            await self._refuse(
                request, "no API key was given: send `Authorization: Api-Key …` or `X-Server-API-Key: …`"
            )
            raise AssertionError  # not reached
        caller = await self.directory.find(self.plane.vault.digest(key))
        if caller is None:
            await self._refuse(request, "this API key is not known, was revoked, or has expired")
            raise AssertionError  # not reached
        await self._count(self._per_key, f"key-{caller.key_id}")
        request.scope["key_id"] = caller.key_id
        return caller

    async def _refuse(self, request: Request, message: str) -> None:
        address = request.client.host if request.client else "unknown"
        await self._count(self._per_address, f"address-{address}")
        raise ApiProblem(401, "unauthorized", message, headers={"WWW-Authenticate": CHALLENGE})

    async def _count(self, limit: RateLimitItem, whose: str) -> None:
        wait = await self._counting.hit(limit, whose)
        if wait:
            raise ApiProblem(
                429, "too_many_requests", f"more than {limit}; wait as `Retry-After` says",
                headers={"Retry-After": str(wait)},
            )  # fmt: skip


def given_key(request: Request) -> str | None:
    """The key of a request; None if there is none, or two that differ."""
    found: set[str] = set()
    for name, value in request.scope["headers"]:
        if name == b"x-server-api-key":
            found.add(value.decode("latin-1").strip())
        elif name == b"authorization":
            scheme, _, rest = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() == "api-key":
                found.add(rest.strip())
    if len(found) != 1:
        return None
    key = found.pop()
    return key if 0 < len(key) <= LONGEST else None


class PlainRoute(APIRoute):
    """In the schema like any other, but its endpoint gets the request and gives the answer, with nothing between that
    it does not use: no dependencies, no body, no second look at the answer. The endpoint asks for the key itself."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await self.endpoint(Request(scope, receive))
        await response(scope, receive, send)


class KeyedRoute(APIRoute):
    """Asks for the key before anything else is looked at: whoever has none gets 401 whatever else is wrong, and no body
    of theirs is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def keyed(request: Request) -> Response:
            gate: Gate = request.app.state.gate
            request.scope["caller"] = await gate.admit(request)
            return await handler(request)

        return keyed


async def caller(request: Request) -> Caller:
    """The customer that calls; only on a `KeyedRoute`."""
    found: Caller = request.scope["caller"]
    return found


CallerOf = Annotated[Caller, Depends(caller)]
