"""One measured burst: many messages over some connections, from the first command to the last message in its INBOX."""

import resource
import ssl
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from bench.load.inbox import Inbox
from bench.load.messages import message
from bench.load.submission import Submission
from bench.results import BenchError
from bench.target import Mailbox, Target

ARRIVAL_SECONDS = 180.0
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Plan:
    """`login_each`: connection, TLS handshake and login for each message, else once for all that a connection sends."""

    messages: int
    connections: int
    login_each: bool = False


@dataclass(frozen=True)
class Mode:
    """One way in which clients behave, measured in full or only to see that it works."""

    name: str
    full: Plan
    quick: Plan


@dataclass(frozen=True)
class Delivery:
    """Seconds from the first command until all were accepted, and until all were readable; CPU time of both sides."""

    messages: int
    accepted: float
    readable: float
    server_cpu: float
    generator_cpu: float
    lost: int
    doubled: int

    @property
    def rate(self) -> float:
        """Messages a second, end to end."""
        return self.messages / self.readable

    @property
    def accepted_rate(self) -> float:
        return self.messages / self.accepted

    @property
    def server_cpu_ms(self) -> float:
        """Milliseconds of the server's CPU a message."""
        return self.server_cpu / self.messages * 1000


def deliver(target: Target, plan: Plan, server_cpu: Callable[[], float]) -> Delivery:
    """Sends, waits until all is readable, then checks by id that each message is there once, and empties the INBOXes.

    Raises: BenchError, if something is refused or does not arrive in time.
    """
    tls = target.tls()
    work = _Work(target, plan)
    with ExitStack() as stack:
        inboxes = [stack.enter_context(Inbox.login(target, mailbox, tls)) for mailbox in target.mailboxes]
        sessions: list[Submission | None] = [None] * plan.connections
        if not plan.login_each:
            senders = [work.mailbox(i) for i in range(plan.connections)]
            sessions = [stack.enter_context(Submission.login(target, sender, tls)) for sender in senders]
        server, own = server_cpu(), _own_cpu()
        started = time.perf_counter()
        try:
            with ThreadPoolExecutor(plan.connections) as pool:
                list(pool.map(lambda pair: work.send(tls, *pair), enumerate(sessions)))
            accepted = time.perf_counter() - started
            until_readable(inboxes, expected(plan.messages, len(inboxes)))
        except OSError as error:
            raise BenchError(f"{target.name}: {error}") from error
        readable = time.perf_counter() - started
        server, own = server_cpu() - server, _own_cpu() - own
        arrived = Counter(identifier for inbox in inboxes for identifier in inbox.message_ids())
        for inbox in inboxes:
            inbox.empty()
    lost = sum(identifier not in arrived for identifier in work.identifiers)
    return Delivery(plan.messages, accepted, readable, server, own, lost, sum(n - 1 for n in arrived.values()))


def expected(messages: int, mailboxes: int) -> list[int]:
    """How many of the messages each mailbox gets: they are dealt out in turn."""
    share, more = divmod(messages, mailboxes)
    return [share + (number < more) for number in range(mailboxes)]


class _Work:
    """Deals the messages out to the connections, one at a time: a slow connection holds up nobody."""

    def __init__(self, target: Target, plan: Plan) -> None:
        self._target, self._plan = target, plan
        run = uuid.uuid4().hex[:12]
        self.identifiers = [f"{run}.{number}@bench.invalid" for number in range(plan.messages)]
        self._numbers: Iterator[int] = iter(range(plan.messages))
        self._lock = threading.Lock()

    def mailbox(self, number: int) -> Mailbox:
        return self._target.mailboxes[number % len(self._target.mailboxes)]

    def send(self, tls: ssl.SSLContext, connection: int, session: Submission | None) -> None:
        sender = self.mailbox(connection)
        while (number := self._next()) is not None:
            recipient = self.mailbox(number).address
            data = message(sender.address, recipient, self.identifiers[number])
            if session:
                session.message(sender.address, recipient, data)
                continue
            with Submission.login(self._target, sender, tls) as once:
                once.message(sender.address, recipient, data)
                once.quit()

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)


def until_readable(inboxes: Sequence[Inbox], expected: Sequence[int]) -> None:
    """Returns when each INBOX holds as many messages as expected. Raises: BenchError after `ARRIVAL_SECONDS`"""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    for inbox, wanted in zip(inboxes, expected, strict=True):
        while (there := inbox.count()) < wanted:
            if time.monotonic() > deadline:
                raise BenchError(f"{wanted - there} messages did not arrive within {ARRIVAL_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
