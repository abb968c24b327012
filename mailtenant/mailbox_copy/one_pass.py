"""One pass over a customer's mailboxes: each copied by dsync and compared, with as little waiting as loses nothing.

What is done beside what, and why: docs/decisions/0031.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as waited
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from mailtenant.mailbox_copy.facts import FILTERS, Census, Look, MailboxState, census, comparable, look, missing, texts
from mailtenant.mailbox_copy.flush import SETTINGS, keeping
from mailtenant.mailbox_copy.imap import Imap
from mailtenant.mailbox_copy.session import both_sessions, sieve_session
from mailtenant.mailbox_copy.sieve import Filters, ManageSieve, mirror, mirrored
from mailtenant.mailbox_copy.sync import dsync, sync
from mailtenant.migration.evidence import MailboxReport
from mailtenant.migration.sides import Direction, PassProgress, SideError
from mailtenant.runner import HostGone, Runner
from mailtenant.shared_host.host import SharedHost

STAY: Final = 600.0
"""Seconds between two words on sessions that wait for a long copy: Dovecot ends those that are silent for 1,800."""


class SourceShrank(SideError):
    """Mail went missing on the side that is copied from while a pass ran. Everything stops: a person must look."""


@dataclass(frozen=True)
class Alarm:
    """How many messages the source may lose during a pass over one mailbox: people delete mail while they are logged
    in. Of a frozen source none may go."""

    messages: int = 20
    share: float = 0.1

    def rings(self, lost: int, before: int, *, frozen: bool) -> bool:
        return lost > 0 if frozen else lost > max(self.messages, self.share * before)


@dataclass(frozen=True)
class Sides:
    """Where a pass copies from and to; `imap`, where dsync runs, is the tenant's and one of the two."""

    direction: Direction
    shared: SharedHost
    source: Runner
    target: Runner
    imap: Runner
    state: Callable[[Runner, str], MailboxState]


@dataclass
class Pass:
    """What the threads of one pass share.

    `in_use`: whether people use the target again; its filters are left alone then. `way`: the password of the way in,
    once it is open; mailboxes are looked at before, copied from then on. `frozen`: whether the source is, so that
    nothing may go from it.
    """

    sides: Sides
    alarm: Alarm
    seconds: float
    in_use: bool
    total: int
    advance: Callable[[PassProgress], None]
    stopped: SideError | None = None
    way: Future[str] = field(default_factory=Future)
    frozen: Future[bool] = field(default_factory=Future)
    _progress: PassProgress = field(default_factory=lambda: PassProgress(0, 0, 0, 0))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def give_up(self, error: BaseException) -> None:
        """No mailbox begins any more, nor waits for what will not come."""
        self.stopped = self.stopped or SideError(f"the pass was given up: {error}")
        for awaited in (self.way, self.frozen):
            if not awaited.done():
                awaited.set_exception(self.stopped)

    def mailbox(self, address: str, copied: threading.Event) -> MailboxReport | None:
        """None once the pass was stopped. `copied` is set as soon as this mailbox does not need the way in."""
        try:
            if self.stopped is not None:
                return None
            report = self._copy(address, copied)
        except (HostGone, SourceShrank) as error:
            self.stopped = self.stopped or error
            return None
        except SideError as error:
            if self.stopped is not None:
                return None
            report = MailboxReport(address, {}, {}, (str(error),))
        finally:
            copied.set()
        with self._lock:
            messages = sum(facts.messages for facts in report.source.values())
            octets = sum(facts.octets for facts in report.source.values())
            so_far = self._progress
            self._progress = PassProgress(
                so_far.mailboxes + 1, self.total, so_far.messages + messages, so_far.octets + octets
            )
            self.advance(self._progress)
        return report

    def _copy(self, address: str, copied: threading.Event) -> MailboxReport:
        sides = self.sides
        known, known_there = sides.state(sides.source, address), sides.state(sides.target, address)
        counted: Future[Census] = Future()
        with ExitStack() as sessions, ThreadPoolExecutor(2) as beside:
            # On its way at once, but it begins with the password, which it is given once the source is counted.
            copying = beside.submit(self._sync, counted, address, copied)
            with _told(counted):
                # One session before and after: that nothing went from the source is seen by the same eyes.
                scripts, source = sessions.enter_context(both_sessions(sides.source, address))
                mine = _filters(scripts)
                before = census(source, known)
                counted.set_result(before)
            scripts_there, target = sessions.enter_context(both_sessions(sides.target, address))
            reading = beside.submit(_filters, scripts_there)
            # All of it is read while the copy runs; afterwards, what changed meanwhile.
            look(source, known)
            theirs = reading.result()
            failure = self._end(copying, (source, target))
            after = look(source, known)
            self._watch(address, missing(before, known), sum(map(len, before.values())))
            old, new = comparable(after, look(target, known_there))
            errors: list[str] = []
            if failure is None and not self.in_use and not mirrored(mine, theirs):
                errors, theirs = self._write(mine, address)
        old[FILTERS], new[FILTERS] = texts(mine.lines()), texts(theirs.lines())
        return MailboxReport(address, old, new, (*([failure] if failure else []), *errors))

    def _sync(self, counted: Future[Census], address: str, copied: threading.Event) -> str | None:
        def password() -> str:
            counted.result()
            return self.way.result()

        sides = self.sides
        onto_new = sides.direction is Direction.TO_TENANT and not self.in_use
        first = onto_new and not sides.state(sides.target, address).messages
        before = keeping(address, at_once=first) if onto_new else ()
        try:
            transport = dsync(sides.shared, password, SETTINGS if first else ())
            return sync(
                sides.imap, transport, sides.direction, address, self.seconds, in_use=self.in_use, before=before
            )
        finally:
            copied.set()

    def _end(self, copying: Future[str | None], waiting: tuple[Imap, ...]) -> str | None:
        """What stopped the copy, once it has ended."""
        while not waited([copying], STAY).done:
            for session in waiting:
                session.stay()
        return copying.result()

    def _watch(self, address: str, lost: int, messages: int) -> None:
        """Raises: SourceShrank"""
        if self.alarm.rings(lost, messages, frozen=self.frozen.result()):
            raise SourceShrank(
                f"{address}: {lost} of {messages} messages went missing on {self.sides.source.name} during the pass; "
                "nothing more is copied. Compare with the backup before anything else runs"
            )

    def _write(self, mine: Filters, address: str) -> tuple[list[str], Filters]:
        """(errors, what the target has afterwards)"""
        with sieve_session(self.sides.target, address) as session:
            return mirror(mine, session), session.read()


def _filters(session: ManageSieve) -> Filters:
    """All of them, as long as the session is nobody else's yet. Raises: SideError"""
    found = session.read()
    session.logout()
    return found


@contextmanager
def _told(awaited: Future[Census]) -> Iterator[None]:
    """Whoever waits for it does not wait for ever."""
    try:
        yield
    except BaseException as error:
        awaited.set_exception(error)
        raise


def whole(session: ManageSieve, imap: Imap, state: MailboxState) -> tuple[Filters, Look]:
    """What one side has. Raises: SideError"""
    return _filters(session), look(imap, state)
