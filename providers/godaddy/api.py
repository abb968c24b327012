"""GoDaddy's API v1, as far as record sets go (https://developer.godaddy.com/doc/endpoint/domains)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import httpx
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from providers.shared.rest import Refused, Rest

from .merge import Value, clean

DEFAULT_URL: Final = "https://api.godaddy.com"
LIMIT: Final = RateLimitItemPerMinute(60)
"""What GoDaddy allows one key."""


def explain(answer: httpx.Response) -> tuple[str, str | None]:
    """A sentence with the fix, and GoDaddy's own code. Messages of the API hold no credentials."""
    try:
        body = answer.json()
        code, message = body.get("code"), str(body.get("message") or "")
    except (ValueError, AttributeError):
        code, message = None, ""
    said = f" ({code}: {message})" if code else ""
    status = answer.status_code
    if status == 401:
        return f"GoDaddy does not know the API key and secret{said}: make a production key and set both secrets", code
    if status == 403:
        return (
            f"GoDaddy denies this account its DNS API{said}: it is open to accounts with ten domains or more or a "
            "Discount Domain Club plan, and the key must be a production one; else set `provider: manual`"
        ), code
    if status == 404:
        return f"the domain is not in this GoDaddy account{said}: check the domain and whose key it is", code
    if status == 422:
        return f"GoDaddy refuses the records{said}", code
    if status == 429:
        return f"GoDaddy's limit of 60 requests a minute is reached{said}: wait a minute and run it again", code
    if status >= 500:
        return f"GoDaddy has a failure of its own, HTTP {status}{said}: run it again later", code
    return f"GoDaddy refused it, HTTP {status}{said}", code


class Api:
    """Record sets of the domains of one account."""

    def __init__(self, key: str, secret: str, base_url: str = DEFAULT_URL) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._rest = Rest(base_url, {"Authorization": f"sso-key {key}:{secret}"}, explain, before=self._wait)

    def read(self, domain: str, type_: str, name: str) -> list[Value]:
        """The set's values; none if it is not there."""
        try:
            return [clean(one) for one in self._rest.call("GET", _path(domain, type_, name))]
        except Refused as error:
            # An unknown domain is refused with a code of its own; an absent set is an empty list or a plain 404.
            if error.status == 404 and error.code != "UNKNOWN_DOMAIN":
                return []
            raise

    def write(self, domain: str, type_: str, name: str, values: Sequence[Value]) -> None:
        """The whole set anew; an empty one is deleted."""
        if values:
            self._rest.call("PUT", _path(domain, type_, name), body=list(values))
            return
        try:
            self._rest.call("DELETE", _path(domain, type_, name))
        except Refused as error:
            if error.status != 404 or error.code == "UNKNOWN_DOMAIN":
                raise

    def _wait(self) -> None:
        while not self._limiter.hit(LIMIT, "godaddy"):
            until = self._limiter.get_window_stats(LIMIT, "godaddy").reset_time
            time.sleep(max(0.1, min(60.0, until - time.time())))


def _path(domain: str, type_: str, name: str) -> str:
    return f"/v1/domains/{quote(domain, safe='')}/records/{quote(type_, safe='')}/{quote(name, safe='@')}"
