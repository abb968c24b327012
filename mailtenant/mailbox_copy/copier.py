"""The `Copier` of a migration: all mailboxes of a customer, several at a time, compared on both sides afterwards.

What is done beside what, and why nothing is lost by it: docs/decisions/0031.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from mailtenant.mailbox_copy.facts import FILTERS, Look, MailboxState, comparable, look, texts
from mailtenant.mailbox_copy.one_pass import Alarm, Pass, Sides, whole
from mailtenant.mailbox_copy.session import both_sessions, imap_session
from mailtenant.migration.evidence import CopyReport, FolderFacts, MailboxReport
from mailtenant.migration.sides import Direction, PassProgress, SideError
from mailtenant.runner import HostGone, Runner
from mailtenant.shared_host.host import SharedHost
from mailtenant.tenant_side import TenantMail

PARALLEL: Final = 4
SECONDS: Final = 4 * 3600.0


@dataclass
class MailboxCopier:
    """A `Copier`. What it saw of each mailbox stays in memory, so that a later pass looks only at what changed."""

    shared: SharedHost
    tenant: TenantMail
    parallel: int = PARALLEL
    seconds: float = SECONDS
    alarm: Alarm = field(default_factory=Alarm)
    _states: dict[tuple[str, str], MailboxState] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def run(
        self,
        direction: Direction,
        addresses: Sequence[str],
        advance: Callable[[PassProgress], None] = lambda _: None,
    ) -> CopyReport:
        """One pass. Raises: HostGone, SourceShrank, SideError; a mailbox's own errors are in the report."""
        return self._run(direction, addresses, advance, in_use=False)

    def late(self, direction: Direction, addresses: Sequence[str]) -> CopyReport:
        """As `run`, onto a side that people use again: they may have changed their filters there since."""
        return self._run(direction, addresses, lambda _: None, in_use=True)

    def holds(self, direction: Direction, addresses: Sequence[str]) -> dict[str, Mapping[str, FolderFacts]]:
        """What the source holds now. Cheap where nothing changed since this copier looked last. Raises: SideError"""
        source, _ = self.runners(direction)
        with self._pool(addresses) as pool:
            found = pool.map(lambda address: self.look(source, address).folders, addresses)
            return dict(zip(addresses, found, strict=True))

    def _pool(self, addresses: Sequence[str]) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=max(1, min(self.parallel, len(addresses))))

    def _run(
        self,
        direction: Direction,
        addresses: Sequence[str],
        advance: Callable[[PassProgress], None],
        *,
        in_use: bool,
    ) -> CopyReport:
        source, target = self.runners(direction)
        sides = Sides(direction, self.shared, source, target, self.tenant.imap, self.state)
        work = Pass(sides, self.alarm, self.seconds, in_use, len(addresses), advance)
        with self._pool(addresses) as pool:
            # The way in is opened while the first mailboxes are looked at, and closed while the last are compared.
            copied = [threading.Event() for _ in addresses]
            jobs = [pool.submit(work.mailbox, *pair) for pair in zip(addresses, copied, strict=True)]
            try:
                with self.shared.copy_access(addresses) as access:
                    work.way.set_result(access.password)
                    work.frozen.set_result(access.frozen if direction is Direction.TO_TENANT else self.tenant.frozen())
                    for mailbox in copied:
                        mailbox.wait()
            except BaseException as error:
                work.give_up(error)
                raise
            reports = [report for job in jobs if (report := job.result()) is not None]
        if work.stopped is not None:
            raise work.stopped
        return CopyReport(len(addresses), tuple(reports))

    def compare(self, direction: Direction, addresses: Sequence[str]) -> CopyReport:
        """Both sides as they are; nothing is copied. Raises: HostGone"""
        reports = []
        for address in addresses:
            try:
                reports.append(self.report(direction, address, ()))
            except HostGone:
                raise
            except SideError as error:
                reports.append(MailboxReport(address, {}, {}, (str(error),)))
        return CopyReport(len(addresses), tuple(reports))

    def report(self, direction: Direction, address: str, errors: Sequence[str]) -> MailboxReport:
        """A mailbox on both sides, filters included. Raises: SideError"""
        source, target = self.runners(direction)
        with both_sessions(source, address) as here, both_sessions(target, address) as there:
            mine, mail = whole(*here, self.state(source, address))
            theirs, mail_there = whole(*there, self.state(target, address))
        old, new = comparable(mail, mail_there)
        old[FILTERS], new[FILTERS] = texts(mine.lines()), texts(theirs.lines())
        return MailboxReport(address, old, new, tuple(errors))

    def runners(self, direction: Direction) -> tuple[Runner, Runner]:
        """(source, target)"""
        pair = (self.shared.runner, self.tenant.imap)
        return pair if direction is Direction.TO_TENANT else (pair[1], pair[0])

    def look(self, runner: Runner, address: str) -> Look:
        """Raises: SideError"""
        with imap_session(runner, address) as session:
            return look(session, self.state(runner, address))

    def state(self, runner: Runner, address: str) -> MailboxState:
        """What is known of a mailbox there."""
        with self._lock:
            return self._states.setdefault((runner.name, address), MailboxState())


@dataclass(frozen=True)
class Estimate:
    """A dry run: what a pass would have to look at, mailbox by mailbox, and how long at the rate given."""

    mailboxes: tuple[MailboxReport, ...]
    missing_messages: int
    missing_octets: int
    seconds: float


def estimate(
    copier: MailboxCopier,
    addresses: Sequence[str],
    *,
    octets_per_second: float,
    clock: Callable[[], float] = time.monotonic,
) -> Estimate:
    """What a first pass to the tenant would bring. Nothing is changed on either side.

    Raises: HostGone, SideError
    """
    begun = clock()
    report = copier.compare(Direction.TO_TENANT, addresses)
    missing_messages = missing_octets = 0
    for mailbox in report.mailboxes:
        for folder, facts in mailbox.source.items():
            there = mailbox.target.get(folder)
            missing_messages += max(0, facts.messages - (there.messages if there else 0))
            missing_octets += max(0, facts.octets - (there.octets if there else 0))
    looking = clock() - begun
    return Estimate(report.mailboxes, missing_messages, missing_octets, looking + missing_octets / octets_per_second)
