"""What a mailbox holds, folder by folder, as numbers and digests that can be compared across two servers.

A folder's digest is the sum, modulo 2^512, of the SHA-512 of each message's UID, GUID and flags. The UID is in every
term, so the sum says the same as a digest in order of UID; and it can be brought up to date by subtracting what
went and adding what came. What changed is asked of the server by modification sequence (RFC 7162), so a second look
at a folder costs what changed in it, whatever its size.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mailtenant.mailbox_copy.imap import Folder, Imap, Message
from mailtenant.migration.evidence import FolderFacts

_MODULUS: Final = 1 << 512
SUBSCRIPTIONS: Final = "(subscriptions)"
FILTERS: Final = "(filters)"
"""Entries of a report beside the folders; both count no messages."""


@dataclass
class FolderState:
    """What was seen of a folder at `modseq`. `terms`: UID → the message's term of the sum."""

    uidvalidity: int
    modseq: int
    uidnext: int = 0
    terms: dict[int, int] = field(default_factory=dict, repr=False)
    total: int = 0

    def put(self, message: Message) -> None:
        term = term_of(message)
        self.total = (self.total - self.terms.get(message.uid, 0) + term) % _MODULUS
        self.terms[message.uid] = term

    def drop(self, uid: int) -> bool:
        """Whether it was there."""
        term = self.terms.pop(uid, None)
        if term is None:
            return False
        self.total = (self.total - term) % _MODULUS
        return True

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.total:x}".encode()).hexdigest()


@dataclass
class MailboxState:
    """What is known of a mailbox on one side; kept between passes by whoever looks."""

    folders: dict[str, FolderState] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """A mailbox at one moment. `lost`: how many messages that were seen at an earlier look are gone."""

    folders: dict[str, FolderFacts]
    subscribed: frozenset[str]
    special: frozenset[str]
    lost: int


def look(imap: Imap, state: MailboxState) -> Look:
    """Brings `state` up to date and says what the mailbox holds. Raises: ImapError"""
    listed = imap.folders()
    lost = 0
    stale = [folder for folder in listed if not (f := state.folders.get(folder.path)) or not unchanged(f, folder)]
    if stale:
        imap.enable_qresync()
        for folder in stale:
            lost += _update(imap, folder, state)
        imap.unselect()
    for gone in state.folders.keys() - {folder.path for folder in listed}:
        lost += len(state.folders.pop(gone).terms)
    return Look(
        {
            folder.path: FolderFacts(
                len(state.folders[folder.path].terms),
                folder.octets,
                folder.uidvalidity,
                state.folders[folder.path].digest,
            )
            for folder in listed
        },
        frozenset(folder.path for folder in listed if folder.subscribed),
        frozenset(folder.path for folder in listed if folder.special),
        lost,
    )


def _update(imap: Imap, folder: Folder, state: MailboxState) -> int:
    """Messages lost since the last look."""
    known = state.folders.get(folder.path)
    opened = imap.examine(folder.name)
    if known and known.uidvalidity == opened.uidvalidity and known.modseq and opened.modseq:
        gone, changed = imap.changes(known.modseq)
        lost = sum([known.drop(uid) for uid in gone])
        for message in changed:
            known.put(message)
        known.modseq, known.uidnext = opened.modseq, folder.uidnext
        # The server's own count is the check of the shortcut: should they differ, everything is read anew.
        if len(known.terms) == opened.messages:
            return lost
    fresh = FolderState(opened.uidvalidity, opened.modseq, folder.uidnext)
    for message in imap.messages():
        fresh.put(message)
    state.folders[folder.path] = fresh
    return len(known.terms.keys() - fresh.terms.keys()) if known else 0


def unchanged(known: FolderState, folder: Folder) -> bool:
    """Every new message, flag and expunge raises HIGHESTMODSEQ (RFC 7162 §3.1.1); the rest is belt and braces."""
    return bool(folder.modseq) and (known.uidvalidity, known.modseq, known.uidnext, len(known.terms)) == (
        folder.uidvalidity,
        folder.modseq,
        folder.uidnext,
        folder.messages,
    )


def term_of(message: Message) -> int:
    """A message's part of the sum; the parts are set apart by lengths, so that no two messages read alike."""
    parts = [str(message.uid).encode(), message.guid, *message.flags]
    text = b"".join(b"%d:%s," % (len(part), part) for part in parts)
    return int.from_bytes(hashlib.sha512(text).digest())


def comparable(source: Look, target: Look) -> tuple[dict[str, FolderFacts], dict[str, FolderFacts]]:
    """Both sides' folders and subscriptions without what a server makes by itself.

    A server may show folders for drafts, sent mail and so on before anything is in them, and subscribe to them; such a
    folder counts once it holds a message or the other side has it too.
    """
    automatic = source.special | target.special
    old, new = dict(source.folders), dict(target.folders)
    for path in automatic:
        for one, other in ((old, new), (new, old)):
            if path in one and path not in other and not one[path].messages:
                del one[path]
    for facts, there in ((old, source.subscribed), (new, target.subscribed)):
        facts[SUBSCRIPTIONS] = texts(there - automatic)
    return old, new


def texts(items: Iterable[str]) -> FolderFacts:
    """A set of lines as an entry of a report."""
    return FolderFacts(0, 0, 0, hashlib.sha256("\0".join(sorted(items)).encode()).hexdigest())
