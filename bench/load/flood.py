"""A load in the background, by a process of its own: it takes no time of the one that measures."""

import multiprocessing
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from queue import Queue

from bench.load.delivery import ARRIVAL_SECONDS, until_readable
from bench.load.inbox import Inbox
from bench.load.messages import message
from bench.load.submission import Submission
from bench.results import BenchError
from bench.target import Target

SECONDS = 60.0
"""A flood ends by itself then: what it has left in a queue is delivered in bounded time, too."""


@dataclass
class Flood:
    """Messages that the server took, in so many seconds; known when it is over."""

    messages: int = 0
    seconds: float = 0.0


@contextmanager
def flooding(target: Target, connections: int) -> Iterator[Flood]:
    """Each connection sends message after message while the block runs, which begins when all are logged in; the
    INBOXes are emptied afterwards. Raises: BenchError, if the flood ended before its time.
    """
    context = multiprocessing.get_context("spawn")
    begun, stop, told = context.Event(), context.Event(), context.Queue()
    process = context.Process(target=_flood, args=(target, connections, begun, stop, told), daemon=True)
    flood = Flood()
    process.start()
    try:
        if not begun.wait(60):
            raise BenchError(f"{target.name}: the flood has not begun")
        yield flood
    finally:
        stop.set()
        process.join(SECONDS + ARRIVAL_SECONDS)
        if process.is_alive():
            process.kill()
    if process.exitcode:
        raise BenchError(f"{target.name}: the flood ended with {process.exitcode}")
    flood.messages, flood.seconds = told.get(timeout=10)


def _flood(target: Target, connections: int, begun: Event, stop: Event, told: "Queue[tuple[int, float]]") -> None:
    tls, run = target.tls(), uuid.uuid4().hex[:12]
    people = [target.mailboxes[number % len(target.mailboxes)] for number in range(connections)]
    sessions = [Submission.login(target, person, tls) for person in people]
    begun.set()
    started = time.monotonic()

    def send(number: int) -> Counter[str]:
        sender, sent = people[number].address, Counter[str]()
        while not stop.is_set() and time.monotonic() - started < SECONDS:
            recipient = target.mailboxes[(number + sent.total()) % len(target.mailboxes)].address
            data = message(sender, recipient, f"{run}.{number}.{sent.total()}@bench.invalid")
            sessions[number].message(sender, recipient, data)
            sent[recipient] += 1
        return sent

    with ThreadPoolExecutor(connections) as pool:
        sent = sum(pool.map(send, range(connections)), Counter[str]())
    told.put((sent.total(), time.monotonic() - started))
    with ExitStack() as stack:
        for session in sessions:
            session.close()
        # What still waits in the server's queue would be in the way of whatever is measured next.
        inboxes = [stack.enter_context(Inbox.login(target, mailbox, tls)) for mailbox in target.mailboxes]
        until_readable(inboxes, [sent[mailbox.address] for mailbox in target.mailboxes])
        for inbox in inboxes:
            inbox.empty()
