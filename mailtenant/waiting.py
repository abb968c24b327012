"""Waiting for something outside to become true: asked again and again until a deadline, never slept blindly."""

import time
from collections.abc import Callable

PAUSE = 0.2


def until(probe: Callable[[], bool], seconds: float, clock: Callable[[], float] = time.monotonic) -> bool:
    """Whether `probe` became true in time. It is asked at least once; what it raises goes through."""
    deadline = clock() + seconds
    while True:
        if probe():
            return True
        if clock() >= deadline:
            return False
        time.sleep(PAUSE)
