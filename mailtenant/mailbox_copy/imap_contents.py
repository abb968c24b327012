"""What a mailbox holds, folder by folder and message by message, as any IMAP4rev1 server tells it; and two of them
compared. Both sides are read by the same code.
"""

import base64
import imaplib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from mailtenant.mailbox_copy.imap import quoted, unquoted

_LISTED: Final = re.compile(rb'\(([^)]*)\) (?:"((?:[^"\\]|\\.)*)"|NIL) (.*)', re.DOTALL)
_UID: Final = re.compile(rb"\bUID (\d+)")
_FLAGS: Final = re.compile(rb"\bFLAGS \(([^)]*)\)")
_DATE: Final = re.compile(rb'\bINTERNALDATE "([^"]*)"')
_SIZE: Final = re.compile(rb"\bRFC822\.SIZE (\d+)")
_SHIFTED: Final = re.compile(r"&([^-]*)-")


@dataclass(frozen=True)
class Mail:
    """A message beside its UID: flags without `\\Recent` (which belongs to a session), when it came, its size."""

    flags: frozenset[bytes]
    received: float
    octets: int

    def same(self, other: "Mail") -> bool:
        """Under one UID: a copy keeps date and size."""
        return (self.received, self.octets) == (other.received, other.octets)


@dataclass(frozen=True)
class Contents:
    """A folder. `name` as the server spells it; `mails` by UID."""

    name: bytes
    uidvalidity: int
    uidnext: int
    mails: Mapping[int, Mail] = field(repr=False)


@dataclass(frozen=True)
class Holdings:
    """A mailbox at one moment: path, with `/` between levels, → folder. `prefix`: what stood before each path there."""

    folders: Mapping[str, Contents]
    subscribed: frozenset[str]
    prefix: str = ""

    @property
    def messages(self) -> int:
        return sum(len(folder.mails) for folder in self.folders.values())

    @property
    def octets(self) -> int:
        return sum(mail.octets for folder in self.folders.values() for mail in folder.mails.values())


@dataclass(frozen=True)
class Differences:
    """`warnings`: what people will notice; `errors`: what is not there. `uids_kept`: programs need not load anew."""

    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    uids_kept: bool


def look(client: imaplib.IMAP4) -> Holdings:
    """All of it; nothing is changed, not even `\\Seen`. Raises: imaplib.IMAP4.error, OSError"""
    prefix = _prefix(client)
    folders = list(_folders(client.list(), prefix))
    # All of STATUS before any EXAMINE: of an open folder it may say what the session knew before.
    states = {path: _status(client, name) for name, path in folders}
    found = {path: Contents(name, *states[path], dict(_mails(client, name))) for name, path in folders}
    subscribed = frozenset(path for _, path in _folders(client.lsub(), prefix))
    return Holdings(found, subscribed & found.keys(), prefix)


def compare(before: Holdings, after: Holdings, here: Holdings, in_use: Collection[str] = ()) -> Differences:
    """`before` and `after` are the source around a pass. What a source that people go on using got, or lost, meanwhile
    is no difference; folders that are in use here are left out. Pure.
    """
    warnings, errors, kept = [], [], True
    for path in sorted((before.folders.keys() & after.folders.keys()) - set(in_use)):
        there, mine = after.folders[path], here.folders.get(path)
        # Whatever has an UID below the UIDNEXT of before was there when the pass began.
        due = {uid for uid in there.mails if uid < before.folders[path].uidnext}
        if mine is None:
            errors.append(f"{readable(path)}: is missing here")
        elif len(mine.mails) < len(due):
            errors.append(f"{readable(path)}: {len(due)} messages there, {len(mine.mails)} here")
        elif due and (mine.uidvalidity != there.uidvalidity or not due <= mine.mails.keys()):
            kept = False
            warnings.append(f"{readable(path)}: UIDs are new here; mail programs will load it again")
        elif taken := sum(_another(there.mails[uid], mine.mails[uid]) for uid in due):
            errors.append(f"{readable(path)}: {taken} messages are not here, other mail has their UIDs; run it again")
        else:
            warnings += [f"{readable(path)}: {line}" for line in _unlike(due, there.mails, mine.mails)]
    for path in sorted((after.subscribed & before.subscribed & here.folders.keys()) - here.subscribed):
        warnings.append(f"{readable(path)}: is not subscribed here")
    return Differences(tuple(warnings), tuple(errors), kept)


def strangers(there: Holdings, here: Holdings) -> tuple[str, ...]:
    """Folders here with mail that no copy has brought, by their UIDVALIDITY, which a copy takes over. dsync leaves out
    what clashes with such mail, and brings it a second time where a source's UIDs began anew. Pure.
    """
    return tuple(
        f"{readable(path)}: holds {len(mine.mails)} messages that no copy of it has brought; empty it, or move them "
        "away first"
        for path, mine in sorted(here.folders.items())
        if mine.mails and path in there.folders and there.folders[path].uidvalidity != mine.uidvalidity
    )


def in_use(there: Holdings, here: Holdings) -> dict[str, int]:
    """Folders that were copied and have got or lost mail of their own here since → the last UID that both have in
    common. dsync must not touch them: measured, it leaves out mail whose UID is taken here, or brings it under another
    UID, and then once more in each later pass. Pure.
    """
    return {
        path: max(
            (uid for uid in mine.mails if uid in their.mails and mine.mails[uid].same(their.mails[uid])), default=0
        )
        for path, mine in sorted(here.folders.items())
        if (their := there.folders.get(path)) and their.uidvalidity == mine.uidvalidity and not _as_copied(their, mine)
    }


def _as_copied(there: Contents, here: Contents) -> bool:
    """Whether a pass, also one that was cut off, leaves a folder so: the source's beginning, as far as it goes."""
    return (
        here.uidnext <= there.uidnext
        and all(uid in here.mails for uid in there.mails if uid < here.uidnext)
        and all(mail.same(there.mails[uid]) for uid, mail in here.mails.items() if uid in there.mails)
    )


def missing(there: Holdings, here: Holdings) -> int:
    """How many messages a pass would bring, at least. Pure."""
    return sum(
        max(0, len(folder.mails) - (len(here.folders[path].mails) if path in here.folders else 0))
        for path, folder in there.folders.items()
    )


def readable(path: str) -> str:
    """A folder's name as people type it: out of IMAP's own UTF-7 (RFC 3501 §5.1.3)."""

    def letters(found: re.Match[str]) -> str:
        if not found[1]:
            return "&"
        text = found[1].replace(",", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-16-be")

    try:
        return _SHIFTED.sub(letters, path)
    except (ValueError, UnicodeError):
        return path


def answer(given: tuple[str, list[Any]]) -> list[Any]:
    """The lines. Raises: imaplib.IMAP4.error, with the server's words"""
    kind, lines = given
    if kind != "OK":
        raise imaplib.IMAP4.error(f"{kind} {lines[-1]!r:.200}")
    return [line for line in lines if line]


def _another(there: Mail, here: Mail) -> bool:
    """Certainly not the same: a server may tell sizes or dates that are a little off, but hardly both."""
    return there.received != here.received and there.octets != here.octets


def _unlike(due: set[int], there: Mapping[int, Mail], here: Mapping[int, Mail]) -> Iterator[str]:
    for what, unlike in (
        ("flags", sum(there[uid].flags != here[uid].flags for uid in due)),
        ("dates", sum(there[uid].received != here[uid].received for uid in due)),
        ("sizes", sum(there[uid].octets != here[uid].octets for uid in due)),
    ):
        if unlike:
            yield f"{what} of {unlike} messages differ"


def _mails(client: imaplib.IMAP4, name: bytes) -> Iterator[tuple[int, Mail]]:
    exists = answer(client.select(quoted(name), readonly=True))  # type: ignore[arg-type]
    # `1:*` of an empty folder is an error for some servers.
    if not exists or not int(exists[-1]):
        return
    for line in answer(client.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE)")):
        if not isinstance(line, bytes):
            continue
        uid, flags, date, size = (wanted.search(line) for wanted in (_UID, _FLAGS, _DATE, _SIZE))
        if uid and flags and date and size:
            kept = frozenset(flag for flag in flags[1].lower().split() if flag != b"\\recent")
            yield int(uid[1]), Mail(kept, _moment(date[1]), int(size[1]))


def _moment(text: bytes) -> float:
    try:
        return datetime.strptime(text.decode().strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()
    except ValueError:
        raise imaplib.IMAP4.error(f"no date: {text[:40]!r}") from None


def _prefix(client: imaplib.IMAP4) -> str:
    """`INBOX.` on servers that keep all folders below INBOX (RFC 2342): the first personal namespace."""
    # Asked again: what imaplib knows is what the server told before the login.
    if b"NAMESPACE" not in b" ".join(answer(client.capability())).upper().split():
        return ""
    lines = answer(client.namespace())
    found = re.match(rb'\(\("((?:[^"\\]|\\.)*)"', lines[0]) if lines and isinstance(lines[0], bytes) else None
    return unquoted(b'"%s"' % found[1]).decode("utf-8", "replace") if found else ""


def _folders(given: tuple[str, list[Any]], prefix: str) -> Iterator[tuple[bytes, str]]:
    """(as the server spells it, with `/` between levels) of each folder that can be opened"""
    for line in answer(given):
        # A name with a quote or backslash may come as a literal: the line up to it, and the name.
        head, literal = line if isinstance(line, tuple) else (line, None)
        found = _LISTED.match(head)
        if found is None or {b"\\noselect", b"\\nonexistent"} & set(found[1].lower().split()):
            continue
        name = unquoted(found[3]) if literal is None else literal
        delimiter = unquoted(b'"%s"' % (found[2] or b"")).decode()
        path = name.decode("utf-8", "replace")
        path = path.removeprefix(prefix) if prefix and path != prefix else path
        # dsync's own way with a name that holds the other side's separator (`dsync_alt_char`).
        path = path.replace("/", "_").replace(delimiter, "/") if delimiter not in ("", "/") else path
        yield name, "INBOX" if path.upper() == "INBOX" else path


def _status(client: imaplib.IMAP4, name: bytes) -> tuple[int, int]:
    """(UIDVALIDITY, UIDNEXT)"""
    lines = answer(client.status(quoted(name), "(UIDNEXT UIDVALIDITY)"))  # type: ignore[arg-type]
    words = b"".join(part[1] if isinstance(part, tuple) else part for part in lines).rpartition(b"(")[2]
    pairs = words.strip().rstrip(b")").upper().split()
    state = {key: int(value) for key, value in zip(pairs[::2], pairs[1::2], strict=False) if value.isdigit()}
    if not {b"UIDNEXT", b"UIDVALIDITY"} <= state.keys():
        raise imaplib.IMAP4.error(f"no answer to STATUS of {name.decode(errors='replace')!a}")
    return state[b"UIDVALIDITY"], state[b"UIDNEXT"]
