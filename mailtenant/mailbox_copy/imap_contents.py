"""What a mailbox holds, folder by folder and message by message, as any IMAP4rev1 server tells it; and two of them
compared. Both sides are read by the same code.
"""

import base64
import imaplib
import re
from collections.abc import Iterator, Mapping
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


@dataclass(frozen=True)
class Contents:
    """A folder. `mails` by UID; empty where only sums were asked for."""

    messages: int
    octets: int
    uidvalidity: int
    uidnext: int
    mails: Mapping[int, Mail] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Holdings:
    """A mailbox at one moment: path, with `/` between levels, → folder. `prefix`: what stood before each path there."""

    folders: Mapping[str, Contents]
    subscribed: frozenset[str]
    prefix: str = ""

    @property
    def messages(self) -> int:
        return sum(folder.messages for folder in self.folders.values())

    @property
    def octets(self) -> int:
        return sum(folder.octets for folder in self.folders.values())


@dataclass(frozen=True)
class Differences:
    """`warnings`: what people will notice; `errors`: what is not there. `uids_kept`: programs need not load anew."""

    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    uids_kept: bool


def sums(client: imaplib.IMAP4) -> Holdings:
    """Numbers and sizes only. Raises: imaplib.IMAP4.error, OSError"""
    return _read(client, _sum)


def everything(client: imaplib.IMAP4) -> Holdings:
    """With every message's UID, flags, date and size. Raises: imaplib.IMAP4.error, OSError"""
    return _read(client, lambda client, name, state: _whole(state, dict(_mails(client, name))))


def compare(before: Holdings, after: Holdings, here: Holdings) -> Differences:
    """`before` and `after` are the source around a pass, `after` and `here` with their messages. What a source that is
    in use got, or lost, meanwhile is no difference. Pure.
    """
    warnings, errors, kept = [], [], True
    for path in sorted(before.folders.keys() & after.folders.keys()):
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
        f"{readable(path)}: holds {mine.messages} messages that no copy of it has brought; empty it, or move them away "
        "first"
        for path, mine in sorted(here.folders.items())
        if mine.messages and path in there.folders and there.folders[path].uidvalidity != mine.uidvalidity
    )


def missing(there: Holdings, here: Holdings) -> int:
    """How many messages a pass would bring, at least. Pure."""
    return sum(
        max(0, folder.messages - (here.folders[path].messages if path in here.folders else 0))
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


def _unlike(due: set[int], there: Mapping[int, Mail], here: Mapping[int, Mail]) -> Iterator[str]:
    for what, unlike in (
        ("flags", sum(there[uid].flags != here[uid].flags for uid in due)),
        ("dates", sum(there[uid].received != here[uid].received for uid in due)),
    ):
        if unlike:
            yield f"{what} of {unlike} messages differ"


def _read(client: imaplib.IMAP4, look: Any) -> Holdings:
    prefix = _prefix(client)
    folders = list(_folders(client.list(), prefix))
    # All of STATUS before any EXAMINE: of an open folder it may say what the session knew before.
    states = {path: _status(client, name) for name, path in folders}
    found = {path: look(client, name, states[path]) for name, path in folders}
    subscribed = frozenset(path for _, path in _folders(client.lsub(), prefix))
    return Holdings(found, subscribed & found.keys(), prefix)


def _sum(client: imaplib.IMAP4, name: bytes, state: Mapping[bytes, int]) -> Contents:
    if b"SIZE" in state:
        return Contents(state[b"MESSAGES"], state[b"SIZE"], state[b"UIDVALIDITY"], state[b"UIDNEXT"])
    octets = sum(int(found[1]) for line in _fetched(client, name, "(RFC822.SIZE)") if (found := _SIZE.search(line)))
    return Contents(state[b"MESSAGES"], octets, state[b"UIDVALIDITY"], state[b"UIDNEXT"])


def _whole(state: Mapping[bytes, int], mails: Mapping[int, Mail]) -> Contents:
    octets = sum(mail.octets for mail in mails.values())
    return Contents(len(mails), octets, state[b"UIDVALIDITY"], state[b"UIDNEXT"], mails)


def _mails(client: imaplib.IMAP4, name: bytes) -> Iterator[tuple[int, Mail]]:
    for line in _fetched(client, name, "(UID FLAGS INTERNALDATE RFC822.SIZE)"):
        uid, flags, date, size = (wanted.search(line) for wanted in (_UID, _FLAGS, _DATE, _SIZE))
        if uid and flags and date and size:
            kept = frozenset(flag for flag in flags[1].lower().split() if flag != b"\\recent")
            yield int(uid[1]), Mail(kept, _moment(date[1]), int(size[1]))


def _moment(text: bytes) -> float:
    try:
        return datetime.strptime(text.decode().strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()
    except ValueError:
        raise imaplib.IMAP4.error(f"no date: {text[:40]!r}") from None


def _fetched(client: imaplib.IMAP4, name: bytes, items: str) -> list[bytes]:
    exists = _answer(client.select(quoted(name), readonly=True))  # type: ignore[arg-type]
    # `1:*` of an empty folder is an error for some servers.
    if not exists or not int(exists[-1]):
        return []
    lines = _answer(client.fetch("1:*", items))
    return [line for line in lines if isinstance(line, bytes)]


def _prefix(client: imaplib.IMAP4) -> str:
    """`INBOX.` on servers that keep all folders below INBOX (RFC 2342): the first personal namespace."""
    if "NAMESPACE" not in client.capabilities:
        return ""
    lines = _answer(client.namespace())
    found = re.match(rb'\(\("((?:[^"\\]|\\.)*)"', lines[0]) if lines and isinstance(lines[0], bytes) else None
    return unquoted(b'"%s"' % found[1]).decode("utf-8", "replace") if found else ""


def _folders(answer: tuple[str, list[Any]], prefix: str) -> Iterator[tuple[bytes, str]]:
    """(as the server spells it, with `/` between levels) of each folder that can be opened"""
    for line in _answer(answer):
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


def _status(client: imaplib.IMAP4, name: bytes) -> Mapping[bytes, int]:
    size = " SIZE" if {"STATUS=SIZE", "IMAP4REV2"} & set(client.capabilities) else ""
    lines = _answer(client.status(quoted(name), f"(MESSAGES UIDNEXT UIDVALIDITY{size})"))  # type: ignore[arg-type]
    words = b"".join(part[1] if isinstance(part, tuple) else part for part in lines).rpartition(b"(")[2]
    pairs = words.strip().rstrip(b")").upper().split()
    state = {key: int(value) for key, value in zip(pairs[::2], pairs[1::2], strict=False) if value.isdigit()}
    if not {b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY"} <= state.keys():
        raise imaplib.IMAP4.error(f"no answer to STATUS of {name.decode(errors='replace')!a}")
    return state


def _answer(answer: tuple[str, list[Any]]) -> list[Any]:
    """The lines. Raises: imaplib.IMAP4.error, with the server's words"""
    kind, lines = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(f"{kind} {lines[-1]!r:.200}")
    return [line for line in lines if line]
