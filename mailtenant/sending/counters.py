"""What the filter counts, by the same rules (images/filter/lua/limits.lua): names of counters, limits.

Pure: the time comes in. Hours and days are those of UTC, and a recipient counts as a message.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

Scope = Literal["mailbox", "domain", "tenant"]
Window = Literal["hour", "day"]
SECONDS: Final[Mapping[Window, int]] = {"hour": 3600, "day": 86400}


@dataclass(frozen=True)
class Counter:
    """One counter. `name` is the address or the domain, empty for the tenant; `limit` holds at the time asked."""

    scope: Scope
    name: str
    window: Window
    key: str
    limit: int


@dataclass(frozen=True)
class Sent:
    """Recipients sent to in the running hour and day, against the limits; `hour_limit` None: there is none."""

    scope: Scope
    name: str
    hour: int
    hour_limit: int | None
    day: int
    day_limit: int


def counter_key(scope: Scope, name: str, window: Window, now: int) -> str:
    """The cache's key of the window that `now` (seconds since 1970) lies in."""
    return f"limit:{scope}:{name or 'all'}:{window}:{now - now % SECONDS[window]}"


def counters(settings: "TenantSettings", scope: Scope, name: str, now: int) -> Iterator[Counter]:
    """What is counted for one mailbox, one domain or the tenant: the hour if it has a limit, and the day."""
    limits = settings.limits
    limit = getattr(limits, scope)
    if limit.hour is not None:
        yield Counter(scope, name, "hour", counter_key(scope, name, "hour", now), limit.hour)
    day = limit.day
    if scope == "tenant" and limits.warmup is not None:
        day = limits.warmup.cap(datetime.fromtimestamp(now, UTC).date(), day)
    yield Counter(scope, name, "day", counter_key(scope, name, "day", now), day)


def keys_for(mailboxes: Sequence[str], domains: Sequence[str], now: int) -> list[str]:
    """The keys of all that is counted; an hour without a limit is, too."""
    whose: list[tuple[Scope, str]] = [("tenant", "")]
    whose += [("domain", name) for name in domains]
    whose += [("mailbox", name) for name in mailboxes]
    return [counter_key(scope, name, window, now) for scope, name in whose for window in SECONDS]


def sent(settings: "TenantSettings", scope: Scope, name: str, now: int, values: Mapping[str, int]) -> Sent:
    """`values`: key → what the cache holds; a key that is not there counts as 0."""
    limit = {counter.window: counter.limit for counter in counters(settings, scope, name, now)}
    hour, day = (values.get(counter_key(scope, name, window, now), 0) for window in SECONDS)
    return Sent(scope, name, hour, limit.get("hour"), day, limit["day"])
