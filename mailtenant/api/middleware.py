"""Around every request: its id, one log line without anything secret, and a last answer for a defect of ours.

Plain ASGI: Starlette's `BaseHTTPMiddleware` costs more than the whole of `/api/userinfo/`.
"""

import logging
import re
import secrets
import time
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("mailtenant.api")
_GIVEN: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_DEFECT: Final = b'{"error":{"code":"internal","message":"an error of ours; tell support the request id",'
LARGEST: Final = 1024 * 1024
"""Octets of a request's body: a thousand times what any of ours needs."""


class Envelope:
    """Outermost."""

    def __init__(self, app: ASGIApp, paths: frozenset[str]) -> None:
        """`paths`: those of the routes that end with a slash."""
        self._app, self._paths = app, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = _identity(scope)
        scope["request_id"] = identity
        scope["path"] = _path(scope["path"], self._paths)
        begun, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", identity.encode()))
            await send(message)

        try:
            await self._app(scope, _limited(receive), send_with_id)
        except Exception as error:
            # A traceback shows lines of code, never values; database errors hide their parameters.
            _log.error("%s: %s in our own code", identity, type(error).__name__, exc_info=error)
            if not status:
                await _last_answer(send_with_id, identity)
        finally:
            if _log.isEnabledFor(logging.INFO):
                # The path without its query, the caller by the number of its key: nothing of this is secret.
                path, spent = scope["path"].encode("unicode_escape").decode(), (time.perf_counter() - begun) * 1000
                key = scope.get("key_id", "-")
                _log.info("%s %s %s %d %.1f ms key:%s", identity, scope["method"], path, status, spent, key)


def _path(given: str, with_slash: frozenset[str]) -> str:
    """A path with a slash at its end is the one without. No redirect: many clients do not repeat a POST, and behind a
    proxy that ends TLS the address of the redirect would be `http:`, the key in clear."""
    bare = given.removesuffix("/")
    return f"{bare}/" if f"{bare}/" in with_slash else bare or given


def _limited(receive: Receive) -> Receive:
    """Stops a body that is too large where it is read, whether its length was announced or not."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > LARGEST:
            raise HTTPException(413, f"the body is larger than {LARGEST} octets")
        return message

    return limited


def _identity(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _GIVEN.fullmatch(value):
            return str(value.decode())
    return secrets.token_hex(8)


async def _last_answer(send: Send, identity: str) -> None:
    body = _DEFECT + f'"request_id":"{identity}","reasons":[]}}}}'.encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
