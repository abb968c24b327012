"""A load in the background, by a process of its own: it takes no time of the one that measures."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from queue import Queue

from bench.load.delivery import Plan, deliver
from bench.results import BenchError
from bench.target import Target

_SECONDS = 300.0
"""A flood ends by itself then, whoever forgot it."""


@dataclass
class Flood:
    """What it has brought to its end: messages that were readable, in so many seconds."""

    messages: int = 0
    seconds: float = 0.0


@contextmanager
def flooding(target: Target, plan: Plan) -> Iterator[Flood]:
    """The plan again and again while the block runs, which begins when the first messages are there.

    Raises: BenchError, if the flood ended before its time.
    """
    context = multiprocessing.get_context("spawn")
    begun, stop, told = context.Event(), context.Event(), context.Queue()
    process = context.Process(target=_flood, args=(target, plan, begun, stop, told), daemon=True)
    flood = Flood()
    process.start()
    try:
        if not begun.wait(60):
            raise BenchError(f"{target.name}: the flood has not begun")
        yield flood
    finally:
        stop.set()
        process.join(_SECONDS)
        if process.is_alive():
            process.kill()
    if process.exitcode:
        raise BenchError(f"{target.name}: the flood ended with {process.exitcode}")
    flood.messages, flood.seconds = told.get(timeout=10)


def _flood(target: Target, plan: Plan, begun: Event, stop: Event, told: "Queue[tuple[int, float]]") -> None:
    deliver(target, Plan(plan.connections, plan.connections), lambda: 0.0)
    started, messages = time.monotonic(), 0
    begun.set()
    while not stop.is_set() and time.monotonic() - started < _SECONDS:
        messages += deliver(target, plan, lambda: 0.0).messages
    told.put((messages, time.monotonic() - started))
