"""GoDaddy's API v1, as far as record sets go (https://developer.godaddy.com/doc/endpoint/domains)."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import httpx
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from mailtenant.rest import Refused, Rest

DEFAULT_URL: Final = "https://api.godaddy.com"
FIELDS: Final = ("data", "ttl", "priority", "weight", "port", "service", "protocol")
LIMIT: Final = RateLimitItemPerMinute(60)
"""What GoDaddy allows one key."""


Value = dict[str, Any]


def clean(value: Mapping[str, Any]) -> Value:
    """Only what the API keeps, without the name and type that it repeats."""
    return {key: value[key] for key in FIELDS if value.get(key) is not None}


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

    def domain(self, domain: str) -> Mapping[str, Any]:
        """What GoDaddy says of a domain of this account."""
        answer: Mapping[str, Any] = self._rest.call("GET", f"/v1/domains/{quote(domain, safe='')}")
        return answer

    def records(self, domain: str) -> list[dict[str, Any]]:
        """Every record of the domain."""
        answer: list[dict[str, Any]] = self._rest.call("GET", f"/v1/domains/{quote(domain, safe='')}/records")
        return answer

    def probe(self, domain: str) -> None:
        """A write that changes nothing in any case: an addition of no records.

        Raises: Refused: 422 from whom may write, 401 or 403 from whom may not (rights are judged before contents).
        """
        self._rest.call("PATCH", f"/v1/domains/{quote(domain, safe='')}/records", body=[])

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
