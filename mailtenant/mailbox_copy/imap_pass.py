"""Mailboxes from any IMAP server, for customers who do not come from the shared host: dry run, pass, report.

`doveadm sync -1 -R … imapc:`, several mailboxes at a time. UIDs and UIDVALIDITY of a foreign server are kept where it
lets Dovecot see them, else mail programs load everything again: the report warns, mailbox by mailbox. GUIDs are other
ones than by dsync, so a migration that began this way goes on and ends this way. A pass that was cut off is run again:
dsync knows by UIDs and GUIDs what is there already. Mail from before the first pass stops a mailbox; a folder that
people use here since a pass gets only what came to the source later, added without dsync.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from imaplib import IMAP4
from typing import Final

from mailtenant.accounts.model import MIB
from mailtenant.mailbox_copy.imap_contents import Holdings, compare, in_use, look, missing, readable, strangers
from mailtenant.mailbox_copy.imap_late import add_late
from mailtenant.mailbox_copy.imap_source import (
    Door,
    HungUp,
    ImapSource,
    LoginRefused,
    Security,
    SourceMailbox,
    imap_over,
    opened,
)
from mailtenant.mailbox_copy.one_pass import Alarm, SourceShrank
from mailtenant.mailbox_copy.session import sieve_session
from mailtenant.mailbox_copy.sieve import mirror
from mailtenant.mailbox_copy.sync import imapc, sync
from mailtenant.migration.sides import Direction, SideError
from mailtenant.runner import HostGone, Runner

SECONDS: Final = 4 * 3600.0
PARALLEL: Final = 4
_GUESSES: Final = 3
"""Logins that may be refused before the first that works: more may lock the master user out."""


@dataclass(frozen=True)
class CopiedMailbox:
    """One mailbox. Numbers are the source's; `brought`: messages that the pass has brought, or would bring.
    `warnings`: what people will notice; `errors`: what stopped it, or is not there; None: not known, not asked for."""

    address: str
    folders: int = 0
    messages: int = 0
    octets: int = 0
    brought: int = 0
    uids_kept: bool | None = None
    filters: int | None = None
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


Advance = Callable[[CopiedMailbox], None]


@dataclass(frozen=True)
class ImapCopy:
    """All of a tenant's mailboxes that come from one server. `quotas`: mailbox here → MiB; `label` is for messages."""

    imap: Runner
    label: str
    source: ImapSource
    quotas: Mapping[str, int]
    parallel: int = PARALLEL
    seconds: float = SECONDS
    alarm: Alarm = field(default_factory=Alarm)

    def plan(self, boxes: Sequence[SourceMailbox], advance: Advance = lambda _: None) -> list[CopiedMailbox]:
        """What a pass would bring; nothing is copied. Raises: SourceUnreachable, LoginRefused, HostGone"""
        return self._each(boxes, advance, self._planned)

    def run(self, boxes: Sequence[SourceMailbox], advance: Advance = lambda _: None) -> list[CopiedMailbox]:
        """One pass. Raises: SourceUnreachable, LoginRefused before anything is copied; HostGone, SourceShrank"""
        return self._each(boxes, advance, self._copied)

    def _each(
        self,
        boxes: Sequence[SourceMailbox],
        advance: Advance,
        work: Callable[[Door, SourceMailbox], CopiedMailbox],
    ) -> list[CopiedMailbox]:
        lock = threading.Lock()
        with opened(self.imap, self.source) as door:
            door.check()
            _let_in(door, [box for box in boxes if box.address in self.quotas])

            def one(box: SourceMailbox) -> CopiedMailbox:
                try:
                    report = work(door, box)
                except (HostGone, SourceShrank):
                    raise
                except SideError as error:
                    report = CopiedMailbox(box.address, errors=(str(error),))
                with lock:
                    advance(report)
                return report

            with _pool(min(self.parallel, len(boxes))) as pool:
                return list(pool.map(one, boxes))

    def _planned(self, door: Door, box: SourceMailbox) -> CopiedMailbox:
        there, here, errors = self._fits(door, box)
        report = CopiedMailbox(box.address, len(there.folders), there.messages, there.octets, missing(there, here))
        warnings = tuple(f"{readable(path)}: is in use here" for path in in_use(there, here))
        return replace(report, warnings=warnings, errors=errors)

    def _copied(self, door: Door, box: SourceMailbox) -> CopiedMailbox:
        before, found, errors = self._fits(door, box)
        if errors:
            return CopiedMailbox(box.address, len(before.folders), before.messages, before.octets, errors=errors)
        busy = in_use(before, found)
        failure = self._sync(door, box, before.prefix, list(busy))
        added = () if failure else tuple(self._late(door, box, before, found, busy))
        with door.session(box) as client:
            after = look(client)
        lost = before.messages - after.messages
        if self.alarm.rings(lost, before.messages, frozen=False):
            raise SourceShrank(
                f"{box.address}: {lost} of {before.messages} messages went missing on {self.source.host} during the "
                "pass; nothing more is copied. Compare with its backup before anything else runs"
            )
        here = self._here(box.address)
        brought = max(0, here.messages - found.messages)
        report = CopiedMailbox(box.address, len(after.folders), after.messages, after.octets, brought)
        if failure:
            return replace(report, errors=(failure,))
        seen = compare(before, after, here, busy)
        scripts, refused = self._filters(door, box)
        errors = (*seen.errors, *refused)
        return replace(
            report, uids_kept=seen.uids_kept, filters=scripts, warnings=(*added, *seen.warnings), errors=errors
        )

    def _sync(self, door: Door, box: SourceMailbox, prefix: str, busy: Sequence[str]) -> str | None:
        source, (user, password) = self.source, box.credentials(self.source)
        ssl = "imaps" if source.security is Security.TLS else "starttls"
        transport = imapc(source.host, source.port, ssl, user, password, ca_file=door.ca_file, prefix=prefix[:-1])
        exclude = [readable(path) for path in busy]
        return sync(self.imap, transport, Direction.TO_TENANT, box.address, self.seconds, exclude=exclude)

    def _late(
        self, door: Door, box: SourceMailbox, there: Holdings, here: Holdings, busy: Mapping[str, int]
    ) -> Iterator[str]:
        """A warning for each folder that is in use here. Raises: SideError"""
        if not busy:
            return
        with door.session(box) as source, self._session(box.address) as target:
            for path, added in add_late(source, there, target, here, busy):
                yield f"{readable(path)}: is in use here; {added} messages that came later were added, nothing else"

    def _filters(self, door: Door, box: SourceMailbox) -> tuple[int | None, list[str]]:
        """(how many scripts it has there, what could not be brought)"""
        if not self.source.sieve_port:
            return None, []
        try:
            with door.filters(box) as theirs:
                scripts = theirs.read()
            with sieve_session(self.imap, box.address) as mine:
                return len(scripts.scripts), mirror(scripts, mine)
        except HostGone:
            raise
        except SideError as error:
            return None, [f"filters: {error}"]

    def _fits(self, door: Door, box: SourceMailbox) -> tuple[Holdings, Holdings, tuple[str, ...]]:
        """(there, here, why it cannot be copied) Raises: SideError"""
        quota = self.quotas.get(box.address)
        if quota is None:
            raise SideError(
                f"there is no such mailbox in {self.label}; make it: mailtenant mailbox add {self.label} {box.address}"
            )
        with door.session(box) as client:
            there = look(client)
        here = self._here(box.address)
        errors = strangers(there, here)
        if there.octets > quota * MIB:
            # Some room for what arrives next.
            wanted = there.octets * 11 // 10 // MIB + 1
            errors = (
                f"holds {there.octets / MIB:.1f} MiB there, its quota here is {quota} MiB; raise it: "
                f"mailtenant mailbox quota {self.label} {box.address} {wanted}",
                *errors,
            )
        return there, here, errors

    def _here(self, address: str) -> Holdings:
        with self._session(address) as client:
            return look(client)

    @contextmanager
    def _session(self, address: str) -> Iterator[IMAP4]:
        process = self.imap.start(["timeout", "-k", "10", "3600", "doveadm", "exec", "imap", "-u", address])
        with imap_over(process, f"{self.imap.name}: {address}") as client:
            yield client


def _let_in(door: Door, boxes: Sequence[SourceMailbox]) -> None:
    """Raises: LoginRefused, if nobody is let in: then it is the master user, or every password."""
    refused: list[LoginRefused] = []
    for box in boxes:
        try:
            with door.session(box):
                return
        except HungUp:
            continue
        except LoginRefused as error:
            refused.append(error)
        if len(refused) == _GUESSES:
            break
    if refused:
        master = door.source.master
        why = (
            f"check master user {master} and its password there, and that it may log in as others"
            if master
            else "check logins and passwords"
        )
        raise LoginRefused(f"{refused[0]}; {why}. Nothing was copied")


@contextmanager
def _pool(size: int) -> Iterator[ThreadPoolExecutor]:
    """Whatever ends it, what waits is not begun any more."""
    pool = ThreadPoolExecutor(max_workers=max(1, size))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
