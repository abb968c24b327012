"""How often somebody asked in this window: counted in this process, or in a storage that several servers share."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from limits import RateLimitItem
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from mailtenant.control.errors import Misconfigured

_FEW: Final = 1_000


class Counting(Protocol):
    """A window begins with the first request in it and is as long as its limit says."""

    async def hit(self, limit: RateLimitItem, whose: str) -> int:
        """Counts one request. 0: it may pass; else seconds until the window ends, at least 1."""


@dataclass(slots=True)
class _Window:
    end: float
    count: int = 0


class OwnCounting:
    """For `memory://`. `limits` has one too, which starts a thread every 10 ms for as long as requests come: that cost
    `/api/userinfo/` more than its query."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[tuple[RateLimitItem, str], _Window] = {}
        self._sweep_at = _FEW

    async def hit(self, limit: RateLimitItem, whose: str) -> int:
        now = self._clock()
        window = self._windows.get((limit, whose))
        if window is None or window.end <= now:
            self._sweep(now)
            window = self._windows[limit, whose] = _Window(now + limit.get_expiry())
        window.count += 1
        return 0 if window.count <= limit.amount else max(1, math.ceil(window.end - now))

    def _sweep(self, now: float) -> None:
        """Forgets windows that have ended, whenever there are twice as many as were left by the last time."""
        if len(self._windows) >= self._sweep_at:
            self._windows = {key: window for key, window in self._windows.items() if window.end > now}
            self._sweep_at = max(_FEW, 2 * len(self._windows))


class SharedCounting:
    """In a storage of `limits`, asked in a thread: it may be on another machine."""

    def __init__(self, storage: str) -> None:
        """Raises: Misconfigured"""
        try:
            self._limiter = FixedWindowRateLimiter(storage_from_string(storage))
        except ConfigurationError:
            # Its text holds the whole address, password included.
            raise Misconfigured(
                "MAILTENANT_RATE_STORAGE names no storage of `limits`, or one whose library is not installed; "
                "write memory:// or, for example, redis://host:6379"
            ) from None

    async def hit(self, limit: RateLimitItem, whose: str) -> int:
        return await asyncio.to_thread(self._hit, limit, whose)

    def _hit(self, limit: RateLimitItem, whose: str) -> int:
        if self._limiter.hit(limit, whose):
            return 0
        return max(1, math.ceil(self._limiter.get_window_stats(limit, whose).reset_time - time.time()))


def counting(storage: str) -> Counting:
    """Raises: Misconfigured"""
    return OwnCounting() if storage.startswith("memory:") else SharedCounting(storage)
