"""What has to be known before a migration may go on: windows, checklist, test results, DNS answers, copy reports.

Plain values. Who finds them out (probes, resolvers, `doveadm`) hands them in with an event; guards judge them.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

LONGEST_WINDOW: Final = 7 * 24 * 60


@dataclass(frozen=True)
class Window:
    """When the interruption may be: `interruption` minutes at most between `start` (UTC) and `start + minutes`."""

    start: datetime
    minutes: int
    interruption: int

    def __post_init__(self) -> None:
        if self.start.utcoffset() != timedelta(0):
            raise ValueError("the window's start has no time zone or another than UTC; give it in UTC")
        if not 1 <= self.interruption <= self.minutes:
            raise ValueError("the announced interruption must be at least 1 minute and fit into the window")
        if self.minutes > LONGEST_WINDOW:
            raise ValueError(f"a window is a week at most ({LONGEST_WINDOW} minutes); announce a shorter one")
        if self.start.year == datetime.max.year:
            raise ValueError("the window's start is at the end of the calendar; take an earlier one")

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)


class Item(StrEnum):
    """The customer's preparation checklist."""

    DNS = "dns"
    TEAM = "team"
    SYSTEMS = "systems"
    USAGE = "usage"
    CONTACT = "contact"


ITEMS: Mapping[Item, str] = {
    Item.DNS: "DNS: the provider's key was proven by a read of the zone, or the records will be entered by hand",
    Item.TEAM: "the customer's team knows about the move",
    Item.SYSTEMS: "access to every system that holds the old host names is at hand",
    Item.USAGE: "usage and the proposed size were reviewed",
    Item.CONTACT: "customer success has reached the contact",
}
CUSTOMER_ITEMS = frozenset({Item.TEAM, Item.SYSTEMS, Item.USAGE})
"""What the customer acknowledges itself; the others are proven by us."""


@dataclass(frozen=True)
class SmokeTest:
    """`mailtenant check` against the new servers by address, before any record points there."""

    passed: bool
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class DnsSeen:
    """How many recursive resolvers gave every wanted record, whether all authoritative servers did, and what was
    missing. `waited`: the old TTL has passed since the change."""

    resolvers: int
    authoritative: bool
    waited: bool
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class FolderFacts:
    """One folder of a mailbox. `digest` covers GUID, UID and flags of every message, in order of UID."""

    messages: int
    octets: int
    uidvalidity: int
    digest: str


def fingerprint(folders: Mapping[str, FolderFacts]) -> list[str | int]:
    """[digest, messages] of a mailbox's mail, as JSON takes it: the same as long as no message came, went or changed
    its flags. Empty folders, and entries beside the folders, count nothing."""
    full = sorted((name, vars(facts)) for name, facts in folders.items() if facts.messages)
    digest = hashlib.sha256(repr(full).encode()).hexdigest()[:32]
    return [digest, sum(facts.messages for facts in folders.values())]


@dataclass(frozen=True)
class MailboxReport:
    """A mailbox on both sides, folder by folder, and what the copy complained about."""

    address: str
    source: Mapping[str, FolderFacts]
    target: Mapping[str, FolderFacts]
    errors: tuple[str, ...] = ()

    def differences(self) -> Iterator[str]:
        """One line a folder that is not the same on both sides; no content, no subject."""
        for folder in sorted(self.source.keys() | self.target.keys()):
            source, target = self.source.get(folder), self.target.get(folder)
            if source is None or target is None:
                yield f"{self.address} {folder}: only on the {'target' if source is None else 'source'}"
                continue
            for what in ("messages", "octets", "uidvalidity", "digest"):
                old, new = getattr(source, what), getattr(target, what)
                if old != new:
                    shown = "UIDs, GUIDs or flags differ" if what == "digest" else f"{what} {old} → {new}"
                    yield f"{self.address} {folder}: {shown}"
                    break


@dataclass(frozen=True)
class CopyReport:
    """The outcome of one pass. `expected`: how many mailboxes the source had when the pass began."""

    expected: int
    mailboxes: tuple[MailboxReport, ...] = field(repr=False)

    def errors(self) -> tuple[str, ...]:
        """What went wrong in the pass itself."""
        found = [f"{m.address}: {error}" for m in self.mailboxes for error in m.errors]
        covered = len({m.address for m in self.mailboxes})
        if covered != self.expected:
            found.append(f"{covered} of {self.expected} mailboxes are in the report")
        return tuple(found)

    def differences(self) -> tuple[str, ...]:
        """Everything that is not equal on both sides."""
        return tuple(line for mailbox in self.mailboxes for line in mailbox.differences())

    @property
    def messages(self) -> int:
        return sum(facts.messages for mailbox in self.mailboxes for facts in mailbox.source.values())

    @property
    def octets(self) -> int:
        return sum(facts.octets for mailbox in self.mailboxes for facts in mailbox.source.values())


@dataclass(frozen=True)
class Probe:
    """One check of the new side after the cut-over: send, receive, login, SPF, DKIM, DMARC, queue …"""

    name: str
    passed: bool
    evidence: str = ""


@dataclass(frozen=True)
class Verification:
    """All probes of the last round, and since when every round was green (aware, UTC)."""

    probes: tuple[Probe, ...]
    green_since: datetime | None


@dataclass(frozen=True)
class Failure:
    """Why a migration stopped, in which state (its name), and what the operator should do."""

    during: str
    why: str
    fix: str


@dataclass(frozen=True)
class Policy:
    """The platform's promises. `hold` covers other servers' queue lifetime (5 days) and an old DKIM selector (7)."""

    notice: timedelta = timedelta(days=7)
    reminder: timedelta = timedelta(days=1)
    resolvers: int = 2
    green_for: timedelta = timedelta(minutes=15)
    hold: timedelta = timedelta(days=7)
    sign_off_within: timedelta = timedelta(days=14)
