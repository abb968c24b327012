"""Just enough of IMAP to look at a mailbox without changing it (RFC 3501, 5258, 5819, 7162, 8438).

Spoken over the pipes of `doveadm exec imap -u ADDRESS`, a session without password on the host itself, or over TLS.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final

from mailtenant.migration.sides import SideError

_LITERAL: Final = re.compile(rb"\{(\d+)\}\r\n$")
_LIST: Final = re.compile(rb'^\* LIST \(([^)]*)\) (?:"((?:[^"\\]|\\.)*)"|NIL) (.+)$', re.DOTALL)
_STATUS: Final = re.compile(rb"^\* STATUS (.+) \(([^()]*)\)$", re.DOTALL)
_FETCH: Final = re.compile(rb"^\* \d+ FETCH \((.*)\)$", re.DOTALL)
_UID: Final = re.compile(rb"(?:^| )UID (\d+)")
_FLAGS: Final = re.compile(rb"FLAGS \(([^)]*)\)")
_GUID: Final = re.compile(rb'X-GUID (?:"([^"]*)"|([^ )]+))')
_ITEMS: Final = "(UID FLAGS X-GUID)"


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
class Opened:
    """A folder as EXAMINE found it."""

    messages: int
    uidvalidity: int
    modseq: int


class Imap:
    """One session; over the pipes the server has us logged in already (PREAUTH)."""

    def __init__(self, reader: IO[bytes], writer: IO[bytes], who: str) -> None:
        self._reader, self._writer, self._who, self._tag = reader, writer, who, 0
        greeting = self._line()
        if not greeting.startswith((b"* PREAUTH", b"* OK")):
            raise ImapError(f"{who}: no IMAP session: {_shown(greeting)}")

    def login(self, user: str, password: str) -> None:
        """Raises: ImapError"""
        self.command(f"LOGIN {_quoted(user)} {_quoted(password)}".encode(), what="LOGIN")

    def folders(self) -> list[Folder]:
        """All that can be opened, in one round trip."""
        wanted = b"(SUBSCRIBED SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE))"
        listed: dict[bytes, tuple[set[bytes], str]] = {}
        states: dict[bytes, dict[bytes, int]] = {}
        for line in self.command(b'LIST "" "*" RETURN ' + wanted, what="LIST"):
            if found := _LIST.match(line):
                name = unquoted(found[3])
                delimiter = (found[2] or b"").replace(b"\\\\", b"\\").decode()
                path = name.decode("utf-8", "replace")
                listed[name] = set(found[1].lower().split()), path.replace(delimiter, "/") if delimiter else path
            elif found := _STATUS.match(line):
                words = found[2].split()
                pairs = zip(words[::2], words[1::2], strict=True)
                states[unquoted(found[1])] = {key.upper(): int(value) for key, value in pairs}
        special = {b"\\drafts", b"\\sent", b"\\archive", b"\\junk", b"\\trash", b"\\flagged", b"\\all", b"\\important"}
        return [
            Folder(
                name, path, b"\\subscribed" in attributes, bool(special & attributes), state[b"MESSAGES"],
                state[b"UIDNEXT"], state[b"UIDVALIDITY"], state.get(b"HIGHESTMODSEQ", 0), state.get(b"SIZE", 0),
            )
            for name, (attributes, path) in listed.items()
            if (state := states.get(name)) is not None
        ]  # fmt: skip

    def enable_qresync(self) -> None:
        """So that expunged messages are told (RFC 7162 §3.2.3)."""
        self.command(b"ENABLE QRESYNC", what="ENABLE")

    def examine(self, name: bytes) -> Opened:
        """Opens a folder for reading only."""
        messages = uidvalidity = modseq = 0
        for line in self.command(b"EXAMINE " + quoted(name), what="EXAMINE"):
            if line.endswith(b" EXISTS"):
                messages = int(line.split()[1])
            elif found := re.match(rb"^\* OK \[(UIDVALIDITY|HIGHESTMODSEQ) (\d+)\]", line):
                if found[1] == b"UIDVALIDITY":
                    uidvalidity = int(found[2])
                else:
                    modseq = int(found[2])
        return Opened(messages, uidvalidity, modseq)

    def unselect(self) -> None:
        """Leaves the open folder: what STATUS says of an open one is what the session knew when it looked last."""
        self.command(b"UNSELECT", what="UNSELECT")

    def messages(self) -> Iterator[Message]:
        """Every message of the open folder."""
        return _messages(self.command(f"UID FETCH 1:* {_ITEMS}".encode(), what="FETCH"))

    def changes(self, since: int) -> tuple[list[int], list[Message]]:
        """(UIDs that are gone, messages that are new or have other flags) since the modification sequence."""
        command = f"UID FETCH 1:* {_ITEMS} (CHANGEDSINCE {since} VANISHED)"
        lines = self.command(command.encode(), what="FETCH")
        gone: list[int] = []
        for line in lines:
            if found := re.match(rb"^\* VANISHED (?:\(EARLIER\) )?([0-9:,]+)$", line):
                gone += _uids(found[1])
        return gone, list(_messages(lines))

    def command(self, text: bytes, *, what: str) -> list[bytes]:
        """The untagged lines of the answer. Raises: ImapError"""
        self._tag += 1
        tag = f"a{self._tag} ".encode()
        try:
            self._writer.write(tag + text + b"\r\n")
            self._writer.flush()
        except (BrokenPipeError, OSError):
            raise ImapError(f"{self._who}: the IMAP session has ended before {what}") from None
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


def _messages(lines: Sequence[bytes]) -> Iterator[Message]:
    for line in lines:
        if not (fetched := _FETCH.match(line)):
            continue
        uid, flags, guid = _UID.search(fetched[1]), _FLAGS.search(fetched[1]), _GUID.search(fetched[1])
        if uid and flags and guid:
            # \Recent belongs to a session, not to the message; keywords have no case (RFC 3501 §2.3.2).
            kept = tuple(sorted(flag for flag in flags[1].lower().split() if flag != b"\\recent"))
            yield Message(int(uid[1]), guid[1] if guid[1] is not None else guid[2], kept)


def _uids(text: bytes) -> Iterator[int]:
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        low, high = int(first), int(last or first)
        yield from range(min(low, high), max(low, high) + 1)


def unquoted(text: bytes) -> bytes:
    """An astring (RFC 3501) as it is meant."""
    if text.startswith(b'"'):
        return re.sub(rb"\\(.)", rb"\1", text[1:-1])
    return text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quoted(text: bytes) -> bytes:
    """As a quoted string."""
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _shown(line: bytes) -> str:
    return ascii(line[:200].decode("utf-8", "replace"))[1:-1]
