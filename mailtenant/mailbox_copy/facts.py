"""What a mailbox holds, folder by folder, as numbers and digests that can be compared across two servers.

A folder's digest is the sum, modulo 2^512, of the SHA-512 of each message's UID, GUID and flags. The UID is in every
term, so the sum says the same as a digest in order of UID; and it can be brought up to date by subtracting what
went and adding what came. What changed is asked of the server by modification sequence (RFC 7162), so a second look
at a folder costs what changed in it, whatever its size.
"""

import hashlib
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from mailtenant.mailbox_copy.imap import Folder, Imap, Message, Reading
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

    def drop(self, uid: int) -> None:
        """One that was never there is none to drop: servers may tell of more than they did (RFC 7162 §3.2.10)."""
        self.total = (self.total - self.terms.pop(uid, 0)) % _MODULUS

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.total:x}".encode()).hexdigest()


@dataclass
class MailboxState:
    """What is known of a mailbox on one side; kept between passes by whoever looks."""

    folders: dict[str, FolderState] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        return sum(len(folder.terms) for folder in self.folders.values())


@dataclass(frozen=True)
class Look:
    """A mailbox at one moment."""

    folders: dict[str, FolderFacts]
    subscribed: frozenset[str]
    special: frozenset[str]


Census = Mapping[str, Set[int]]
"""Folder → UIDs that are in it."""


def census(imap: Imap, state: MailboxState) -> Census:
    """Soon told, also of a large mailbox that was never looked at. Raises: ImapError"""
    listed = imap.folders_without_sizes()
    stale = [folder for folder in listed if not _known(state, folder)]
    told = dict(zip((folder.path for folder in stale), imap.uids([folder.name for folder in stale]), strict=True))
    return {
        folder.path: told[folder.path] if folder.path in told else frozenset(state.folders[folder.path].terms)
        for folder in listed
    }


def missing(before: Census, state: MailboxState) -> int:
    """How many messages of the census were no longer there at the last look."""
    now = {path: folder.terms.keys() for path, folder in state.folders.items()}
    return sum(len(uids - now.get(path, frozenset[int]())) for path, uids in before.items())


def look(imap: Imap, state: MailboxState) -> Look:
    """Brings `state` up to date and says what the mailbox holds. Raises: ImapError"""
    listed = imap.folders()
    _update(imap, [folder for folder in listed if not _known(state, folder)], state)
    for gone in state.folders.keys() - {folder.path for folder in listed}:
        del state.folders[gone]
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
    )


def _update(imap: Imap, stale: list[Folder], state: MailboxState) -> None:
    since = [state.folders[folder.path].modseq if folder.path in state.folders else 0 for folder in stale]
    asked = [(folder.name, modseq) for folder, modseq in zip(stale, since, strict=True)]
    anew = []
    for folder, modseq, found in zip(stale, since, imap.read(asked), strict=True):
        if not modseq:
            state.folders[folder.path] = _from_nothing(folder, found)
        elif not _carried_on(state.folders[folder.path], folder, found):
            anew.append(folder)
    for folder, found in zip(anew, imap.read([(folder.name, 0) for folder in anew]), strict=True):
        state.folders[folder.path] = _from_nothing(folder, found)


def _from_nothing(folder: Folder, found: Reading) -> FolderState:
    fresh = FolderState(found.uidvalidity, found.modseq, folder.uidnext)
    for message in found.changed:
        fresh.put(message)
    return fresh


def _carried_on(known: FolderState, folder: Folder, found: Reading) -> bool:
    """Whether what changed leads to what is there. The server's own count is the check of the shortcut."""
    if known.uidvalidity != found.uidvalidity or not found.modseq:
        return False
    for uid in found.gone:
        known.drop(uid)
    for message in found.changed:
        known.put(message)
    known.modseq, known.uidnext = found.modseq, folder.uidnext
    return len(known.terms) == found.messages


def _known(state: MailboxState, folder: Folder) -> bool:
    return folder.path in state.folders and unchanged(state.folders[folder.path], folder)


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
