"""Calls to somebody's HTTP API: retried within bounds, told apart when they fail, never with the credentials."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay

TIMEOUT: Final = 30.0
"""Seconds for one answer."""
PATIENCE: Final = 180.0
"""Seconds after which nothing is tried again."""
ATTEMPTS: Final = 6
LONGEST_PAUSE: Final = 90.0


class ApiError(Exception):
    """A failure in one sentence, without any secret: the person sees exactly this."""


class Refused(ApiError):
    """The API said no. `status` is its HTTP status, `code` its own error code where it gave one."""

    def __init__(self, text: str, status: int, code: int | str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class Torn(ApiError):
    """The connection ended before the answer: whether a write took effect is not known."""


class _Again(Exception):
    def __init__(self, error: ApiError, pause: float | None = None) -> None:
        super().__init__(str(error))
        self.error, self.pause = error, pause


def _pause(state: RetryCallState) -> float:
    """What the API asked for (RFC 9110 §10.2.3), else 0.5 s doubling."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.pause if isinstance(error, _Again) else None
    return min(LONGEST_PAUSE, asked if asked is not None else 0.5 * 2.0 ** (state.attempt_number - 1))


def checked_base_url(url: str) -> str:
    """The URL without its last slash.

    Raises: ApiError, if credentials would leave the machine unencrypted.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise ApiError("the API's base URL must begin with https:// (http:// only on a loopback address)")
    return url.rstrip("/")


@dataclass
class Rest:
    """One API with one set of credentials. `explain` turns a refusal into its sentence and the API's own code."""

    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    explain: Callable[[httpx.Response], tuple[str, int | str | None]]
    before: Callable[[], None] = lambda: None
    """Called ahead of each request: the place of a rate limiter."""

    def __post_init__(self) -> None:
        self._client = httpx.Client(
            base_url=checked_base_url(self.base_url), headers=dict(self.headers), timeout=TIMEOUT, trust_env=True
        )

    def call(self, method: str, path: str, *, body: Any = None, query: Mapping[str, str] | None = None) -> Any:
        """The JSON of a successful answer (None if it has none).

        A request that may be repeated (all but POST and PATCH, RFC 9110 §9.2.2) is repeated when the connection ends
        early; all are after 429 and, where nothing can have happened, 5xx.

        Raises: Refused, Torn
        """
        repeatable = method not in ("POST", "PATCH")
        retrying = Retrying(
            retry=retry_if_exception_type(_Again),
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(PATIENCE),
            wait=_pause,
        )
        try:
            for attempt in retrying:
                with attempt:
                    return self._once(method, path, body, query, repeatable)
        except Exception as error:
            again = getattr(getattr(error, "last_attempt", None), "exception", lambda: None)()
            if isinstance(again, _Again):
                raise again.error from None
            raise
        raise AssertionError("retrying ends by an answer or an error")

    def _once(self, method: str, path: str, body: Any, query: Mapping[str, str] | None, repeatable: bool) -> Any:
        self.before()
        try:
            answer = self._client.request(method, path, json=body, params=query)
        except httpx.ConnectError:
            host = urlsplit(self.base_url).netloc
            raise _Again(Torn(f"{host} cannot be reached: check the network, then run it again")) from None
        except httpx.TimeoutException:
            torn = Torn(f"no answer within {TIMEOUT:.0f} s ({method} {path}): run it again")
            raise _Again(torn) if repeatable else torn from None
        except httpx.TransportError:
            torn = Torn(f"the connection ended before the answer ({method} {path}): run it again")
            raise _Again(torn) if repeatable else torn from None
        if answer.is_success:
            return answer.json() if answer.content else None
        text, code = self.explain(answer)
        refused = Refused(text, answer.status_code, code)
        if answer.status_code == 429:
            raise _Again(refused, _seconds(answer.headers.get("Retry-After")))
        if answer.status_code >= 500 and repeatable:
            raise _Again(refused, _seconds(answer.headers.get("Retry-After")))
        raise refused


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None
