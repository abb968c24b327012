"""Just enough of IMAP to look at a mailbox without changing it (RFC 3501, 4731, 5258, 5819, 7162, 8438).

Spoken over the pipes of `doveadm exec imap -u ADDRESS`, a session without password on the host itself. What is asked
about many folders is sent together: through `docker exec` or ssh an answer takes milliseconds however short it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import IO, Final, TypeVar

from mailtenant.migration.sides import SideError

_LITERAL: Final = re.compile(rb"\{(\d+)\}\r\n$")
_LIST: Final = re.compile(rb'^\* LIST \(([^)]*)\) (?:"((?:[^"\\]|\\.)*)"|NIL) (.+)$', re.DOTALL)
_STATUS: Final = re.compile(rb"^\* STATUS (.+) \(([^()]*)\)$", re.DOTALL)
_FETCH: Final = re.compile(rb"^\* \d+ FETCH \((.*)\)$", re.DOTALL)
_UID: Final = re.compile(rb"(?:^| )UID (\d+)")
_FLAGS: Final = re.compile(rb"FLAGS \(([^)]*)\)")
_GUID: Final = re.compile(rb'X-GUID (?:"([^"]*)"|([^ )]+))')
_VANISHED: Final = re.compile(rb"^\* VANISHED (?:\(EARLIER\) )?([0-9:,]+)$")
_ESEARCH: Final = re.compile(rb"^\* ESEARCH \(TAG [^)]*\) UID ALL ([0-9:,]+)$")
_OPENED: Final = re.compile(rb"^\* (?:OK \[(UIDVALIDITY|HIGHESTMODSEQ) (\d+)\]|(\d+) EXISTS)")
_ITEMS: Final = b"(UID FLAGS X-GUID)"
_SPECIAL: Final = {b"\\drafts", b"\\sent", b"\\archive", b"\\junk", b"\\trash", b"\\flagged", b"\\all", b"\\important"}
_TOGETHER: Final = 32
"""Folders asked about in one go: their names fit into any pipe, so neither end waits for the other to read."""
_T = TypeVar("_T")


class ImapError(SideError):
    """The server did not do what was asked; its words, never a password."""


@dataclass(frozen=True)
class Folder:
    """`name` as the server spells it, `path` with `/` between levels; status as RFC 5819 and 8438 give it."""

    name: bytes
    path: str
    subscribed: bool
    special: bool
    messages: int
    uidnext: int
    uidvalidity: int
    modseq: int
    octets: int


@dataclass(frozen=True)
class Message:
    """What the digest covers."""

    uid: int
    guid: bytes
    flags: tuple[bytes, ...]


@dataclass(frozen=True)
class Reading:
    """A folder as EXAMINE found it; what went (UIDs) and what is new or has other flags since then."""

    messages: int
    uidvalidity: int
    modseq: int
    gone: tuple[int, ...]
    changed: tuple[Message, ...]


class Imap:
    """One session; over the pipes the server has us logged in already (PREAUTH).

    Nothing is awaited before the first command, so that several sessions can be begun side by side.
    """

    def __init__(self, reader: IO[bytes], writer: IO[bytes], who: str) -> None:
        self._reader, self._writer, self._who, self._tag = reader, writer, who, 0
        self._greeted = self._qresync = False

    def folders(self) -> list[Folder]:
        """All that can be opened, in one round trip."""
        return self._list(b"MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE")

    def folders_without_sizes(self) -> list[Folder]:
        """The same with `octets` 0: a server that keeps no sizes reads every message to add them up."""
        return self._list(b"MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ")

    def separator(self) -> str:
        """Between a folder and one below it; empty: there are none below others (RFC 9051 §6.3.9)."""
        [lines] = self._commands((b'LIST "" ""', "LIST"))
        found = next((match for line in lines if (match := _LIST.match(line))), None)
        return (found[2] or b"").replace(b"\\\\", b"\\").decode() if found else ""

    def _list(self, items: bytes) -> list[Folder]:
        listed: dict[bytes, tuple[set[bytes], str]] = {}
        states: dict[bytes, dict[bytes, int]] = {}
        [lines] = self._commands((b'LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS (' + items + b"))", "LIST"))
        for line in lines:
            if found := _LIST.match(line):
                name = unquoted(found[3])
                delimiter = (found[2] or b"").replace(b"\\\\", b"\\").decode()
                path = name.decode("utf-8", "replace")
                listed[name] = set(found[1].lower().split()), path.replace(delimiter, "/") if delimiter else path
            elif found := _STATUS.match(line):
                words = found[2].split()
                pairs = zip(words[::2], words[1::2], strict=True)
                states[unquoted(found[1])] = {key.upper(): int(value) for key, value in pairs}
        return [
            Folder(
                name, path, b"\\subscribed" in attributes, bool(_SPECIAL & attributes), state[b"MESSAGES"],
                state[b"UIDNEXT"], state[b"UIDVALIDITY"], state.get(b"HIGHESTMODSEQ", 0), state.get(b"SIZE", 0),
            )
            for name, (attributes, path) in listed.items()
            if (state := states.get(name)) is not None
        ]  # fmt: skip

    def uids(self, names: Sequence[bytes]) -> list[frozenset[int]]:
        """The UIDs in each folder: one short line a folder, whatever it holds."""
        found = []
        for some in _chunks(names):
            wanted = [self._peek(name, b"UID SEARCH RETURN (ALL) ALL", "SEARCH") for name in some]
            answers = self._commands(*chain.from_iterable(wanted))
            found += [frozenset(_from(lines, _ESEARCH)) for lines in answers[1::3]]
        return found

    def read(self, asked: Sequence[tuple[bytes, int]]) -> list[Reading]:
        """(folder, modification sequence): what changed there since; sequence 0: everything that is there."""
        found = []
        for some in _chunks(asked):
            wanted = [self._peek(name, _fetch(since), "FETCH") for name, since in some]
            # So that expunged messages are told (RFC 7162 §3.2.3); once a session.
            enable = [] if self._qresync else [(b"ENABLE QRESYNC", "ENABLE")]
            answers = self._commands(*enable, *chain.from_iterable(wanted))[len(enable) :]
            self._qresync = True
            found += [_reading(*pair) for pair in zip(answers[::3], answers[1::3], strict=True)]
        return found

    def stay(self) -> None:
        """Says something, so that the server does not end a session that waits (Dovecot: after 30 minutes)."""
        self._commands((b"NOOP", "NOOP"))

    def _peek(self, name: bytes, question: bytes, what: str) -> list[tuple[bytes, str]]:
        """Opens for reading only, asks and leaves: STATUS of an open folder says what the session knew when it looked
        last."""
        return [(b"EXAMINE " + quoted(name), "EXAMINE"), (question, what), (b"UNSELECT", "UNSELECT")]

    def _commands(self, *asked: tuple[bytes, str]) -> list[list[bytes]]:
        """Commands and their names for errors, in one round trip; the untagged lines of each. Raises: ImapError"""
        first = self._tag + 1
        self._tag += len(asked)
        text = b"".join(b"a%d %s\r\n" % (first + number, command) for number, (command, _) in enumerate(asked))
        try:
            self._writer.write(text)
            self._writer.flush()
        except OSError:
            raise ImapError(f"{self._who}: the IMAP session has ended before {asked[0][1]}") from None
        if not self._greeted:
            greeting = self._line()
            if not greeting.startswith(b"* PREAUTH"):
                raise ImapError(f"{self._who}: no IMAP session: {_shown(greeting)}")
            self._greeted = True
        return [self._answer(b"a%d " % (first + number), what) for number, (_, what) in enumerate(asked)]

    def _answer(self, tag: bytes, what: str) -> list[bytes]:
        lines = []
        while not (line := self._line()).startswith(tag):
            lines.append(line)
        if not line.startswith(tag + b"OK"):
            raise ImapError(f"{self._who}: {what}: {_shown(line[len(tag) :])}")
        return lines

    def _line(self) -> bytes:
        """One logical line, literals quoted into it, without its end."""
        whole = b""
        while True:
            piece = self._reader.readline()
            if not piece:
                raise ImapError(f"{self._who}: the IMAP session ended without an answer")
            if not (found := _LITERAL.search(piece)):
                return whole + piece.rstrip(b"\r\n")
            whole += piece[: found.start()] + quoted(self._reader.read(int(found[1])))


def _chunks(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (items[begin : begin + _TOGETHER] for begin in range(0, len(items), _TOGETHER))


def _fetch(since: int) -> bytes:
    """Changes since a modification sequence, or everything."""
    return b"UID FETCH 1:* " + _ITEMS + (b" (CHANGEDSINCE %d VANISHED)" % since if since else b"")


def _reading(opened: Sequence[bytes], fetched: Sequence[bytes]) -> Reading:
    numbers = {b"EXISTS": 0, b"UIDVALIDITY": 0, b"HIGHESTMODSEQ": 0}
    for line in opened:
        if found := _OPENED.match(line):
            numbers[found[1] or b"EXISTS"] = int(found[2] or found[3])
    exists, uidvalidity, modseq = numbers.values()
    return Reading(exists, uidvalidity, modseq, tuple(_from(fetched, _VANISHED)), tuple(_messages(fetched)))


def _messages(lines: Sequence[bytes]) -> Iterator[Message]:
    for line in lines:
        if not (fetched := _FETCH.match(line)):
            continue
        uid, flags, guid = _UID.search(fetched[1]), _FLAGS.search(fetched[1]), _GUID.search(fetched[1])
        if uid and flags and guid:
            # \Recent belongs to a session, not to the message; keywords have no case (RFC 3501 §2.3.2).
            kept = tuple(sorted(flag for flag in flags[1].lower().split() if flag != b"\\recent"))
            yield Message(int(uid[1]), guid[1] if guid[1] is not None else guid[2], kept)


def _from(lines: Sequence[bytes], pattern: re.Pattern[bytes]) -> Iterator[int]:
    """The UIDs of the sets that the pattern finds, as in `1:3,9`."""
    for line in lines:
        for part in found[1].split(b",") if (found := pattern.match(line)) else ():
            first, _, last = part.partition(b":")
            low, high = int(first), int(last or first)
            yield from range(min(low, high), max(low, high) + 1)


def unquoted(text: bytes) -> bytes:
    """An astring (RFC 3501) as it is meant."""
    if text.startswith(b'"'):
        return re.sub(rb"\\(.)", rb"\1", text[1:-1])
    return text


def quoted(text: bytes) -> bytes:
    """As a quoted string."""
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _shown(line: bytes) -> str:
    return ascii(line[:200].decode("utf-8", "replace"))[1:-1]
