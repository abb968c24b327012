"""The `Copier` of a migration: all mailboxes of a customer, several at a time, compared on both sides afterwards."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from mailtenant.mailbox_copy.facts import FILTERS, Look, MailboxState, comparable, look, texts
from mailtenant.mailbox_copy.imap import Imap
from mailtenant.mailbox_copy.session import imap_session, sieve_session
from mailtenant.mailbox_copy.sieve import Filters, mirror
from mailtenant.mailbox_copy.sync import Transport, prepare_dsync, sync
from mailtenant.migration.evidence import CopyReport, FolderFacts, MailboxReport
from mailtenant.migration.sides import Direction, PassProgress, SideError
from mailtenant.runner import HostGone, Runner
from mailtenant.shared_host.host import SharedHost
from mailtenant.tenant_side import TenantMail

PARALLEL: Final = 4
SECONDS: Final = 4 * 3600.0


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
        frozen = (self.shared if direction is Direction.TO_TENANT else self.tenant).frozen()
        with self.shared.copy_access(addresses) as access:
            transport = prepare_dsync(self.tenant.imap, access)
            work = _Pass(self, transport, direction, frozen, in_use, len(addresses), advance)
            with self._pool(addresses) as pool:
                reports = [report for report in pool.map(work.mailbox, addresses) if report is not None]
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
        old, new = comparable(self.look(source, address), self.look(target, address))
        old[FILTERS], new[FILTERS] = (texts(filters(side, address).lines()) for side in (source, target))
        return MailboxReport(address, old, new, tuple(errors))

    def runners(self, direction: Direction) -> tuple[Runner, Runner]:
        """(source, target)"""
        pair = (self.shared.runner, self.tenant.imap)
        return pair if direction is Direction.TO_TENANT else (pair[1], pair[0])

    def look(self, runner: Runner, address: str) -> Look:
        """Raises: SideError"""
        with imap_session(runner, address) as session:
            return self.look_at(session, runner, address)

    def look_at(self, session: Imap, runner: Runner, address: str) -> Look:
        """Over a session that is open already. Raises: SideError"""
        with self._lock:
            state = self._states.setdefault((runner.name, address), MailboxState())
        return look(session, state)


def filters(runner: Runner, address: str) -> Filters:
    """Raises: SideError"""
    with sieve_session(runner, address) as session:
        return session.read()


class _Pass:
    """What the threads of one pass share."""

    def __init__(
        self,
        copier: MailboxCopier,
        transport: Transport,
        direction: Direction,
        frozen: bool,
        in_use: bool,
        total: int,
        advance: Callable[[PassProgress], None],
    ) -> None:
        self._copier, self._transport, self._direction, self._frozen = copier, transport, direction, frozen
        self._advance, self._total, self._in_use = advance, total, in_use
        self._done = self._messages = self._octets = 0
        self._lock = threading.Lock()
        self.stopped: SideError | None = None

    def mailbox(self, address: str) -> MailboxReport | None:
        """None once the pass was stopped."""
        if self.stopped is not None:
            return None
        try:
            report = self._copy(address)
        except (HostGone, SourceShrank) as error:
            self.stopped = self.stopped or error
            return None
        except SideError as error:
            report = MailboxReport(address, {}, {}, (str(error),))
        with self._lock:
            self._done += 1
            self._messages += sum(facts.messages for facts in report.source.values())
            self._octets += sum(facts.octets for facts in report.source.values())
            self._advance(PassProgress(self._done, self._total, self._messages, self._octets))
        return report

    def _copy(self, address: str) -> MailboxReport:
        copier, direction = self._copier, self._direction
        runner, other = copier.runners(direction)
        # One session before and after: that nothing went from the source is seen by the same eyes.
        with imap_session(runner, address) as session:
            before = copier.look_at(session, runner, address)
            messages = sum(facts.messages for facts in before.folders.values())
            failure = sync(copier.tenant.imap, self._transport, direction, address, copier.seconds, in_use=self._in_use)
            after = copier.look_at(session, runner, address)
        if copier.alarm.rings(after.lost, messages, frozen=self._frozen):
            raise SourceShrank(
                f"{address}: {after.lost} of {messages} messages went missing on {runner.name} during the pass; "
                "nothing more is copied. Compare with the backup before anything else runs"
            )
        old, new = comparable(after, copier.look(other, address))
        mine, theirs, errors = self._filters(runner, other, address, write=failure is None and not self._in_use)
        old[FILTERS], new[FILTERS] = texts(mine.lines()), texts(theirs.lines())
        return MailboxReport(address, old, new, (*([failure] if failure else []), *errors))

    def _filters(
        self, runner: Runner, other: Runner, address: str, *, write: bool
    ) -> tuple[Filters, Filters, list[str]]:
        """(source, target afterwards, errors)"""
        source = filters(runner, address)
        with sieve_session(other, address) as session:
            errors = mirror(source, session) if write else []
            return source, session.read(), errors


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
