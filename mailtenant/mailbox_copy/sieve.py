"""Filters of a mailbox, read and written by ManageSieve (RFC 5804) over the pipes of `doveadm exec managesieve`.

Not by `doveadm sync`: in Dovecot 2.4.1 as Debian trixie ships it, doveadm cannot load the plugin that would do it.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO

from mailtenant.migration.sides import SideError


@dataclass(frozen=True)
class Filters:
    """Name → script, and which one runs; None: none does."""

    scripts: Mapping[str, bytes] = field(repr=False)
    active: str | None

    def lines(self) -> list[str]:
        """For comparing: all of it as text."""
        return [f"{name}\0{text.hex()}\0{name == self.active}" for name, text in self.scripts.items()]


class ManageSieve:
    """One session without password. As with `Imap`, nothing is awaited before the first command."""

    def __init__(self, reader: IO[bytes], writer: IO[bytes], who: str) -> None:
        self._reader, self._writer, self._who = reader, writer, who
        self._begun = False

    def authenticate(self, user: str, password: str) -> None:
        """Over TLS only: in clear text (RFC 4616). Raises: SideError"""
        plain = base64.b64encode(f"\0{user}\0{password}".encode())
        self._command(b'AUTHENTICATE "PLAIN" ' + _literal(plain), "login")

    def read(self) -> Filters:
        """Raises: SideError"""
        names, active = [], None
        for line in self._command(b"LISTSCRIPTS", "LISTSCRIPTS"):
            name, rest = _first_string(line)
            names.append(name)
            if rest.strip().upper() == b"ACTIVE":
                active = name.decode()
        scripts = {}
        for name in names:
            [line] = self._command(b"GETSCRIPT " + _literal(name), "GETSCRIPT") or [b'""']
            scripts[name.decode()] = _first_string(line)[0]
        return Filters(scripts, active)

    def put(self, name: str, script: bytes) -> None:
        """Raises: SideError, if the server cannot compile it (an extension that it does not have)."""
        self._command(b"PUTSCRIPT " + _literal(name.encode()) + b" " + _literal(script), f"filter {name}")

    def activate(self, name: str | None) -> None:
        """None: no script runs any more."""
        self._command(b"SETACTIVE " + _literal((name or "").encode()), f"filter {name}")

    def logout(self) -> None:
        """Once answered, nothing more is read from the pipe."""
        self._command(b"LOGOUT", "LOGOUT")

    def _command(self, text: bytes, what: str) -> list[bytes]:
        """The lines before OK. Some servers greet in such a session and some do not: the answer to a tagged NOOP
        (RFC 5804 §2.13), sent with the first command, is where their answers begin."""
        try:
            self._writer.write((b"" if self._begun else b'NOOP "begin"\r\n') + text + b"\r\n")
            self._writer.flush()
        except OSError:
            raise SideError(f"{self._who}: the ManageSieve session has ended before {what}") from None
        while not self._begun:
            self._begun = b'"begin"' in self._line("the first command")
        return self._answer(what)

    def _answer(self, what: str) -> list[bytes]:
        lines: list[bytes] = []
        while True:
            line = self._line(what)
            word = line.split(b" ", 1)[0].upper()
            if word == b"OK":
                return lines
            if word in (b"NO", b"BYE"):
                raise SideError(f"{self._who}: {what}: {line[:300].decode('utf-8', 'replace')}")
            lines.append(line)

    def _line(self, what: str) -> bytes:
        whole = b""
        while True:
            piece = self._reader.readline()
            if not piece:
                raise SideError(f"{self._who}: the ManageSieve session ended without an answer to {what}")
            found = re.search(rb"\{(\d+)\+?\}\r\n$", piece)
            if not found:
                return whole + piece.rstrip(b"\r\n")
            whole += piece[: found.start()] + _quoted(self._reader.read(int(found[1])))


def mirrored(source: Filters, target: Filters) -> bool:
    """Whether the target has all of it, and the same script runs."""
    return source.active == target.active and source.scripts.items() <= target.scripts.items()


def mirror(source: Filters, target: ManageSieve) -> list[str]:
    """Writes what differs, and makes the same script run; scripts that only the target has stay. What went wrong."""
    errors = []
    present = target.read()
    for name, script in source.scripts.items():
        if present.scripts.get(name) != script:
            try:
                target.put(name, script)
            except SideError as error:
                errors.append(str(error))
    if source.active != present.active and not errors:
        try:
            target.activate(source.active)
        except SideError as error:
            errors.append(str(error))
    return errors


def _first_string(line: bytes) -> tuple[bytes, bytes]:
    found = re.match(rb'"((?:[^"\\]|\\.)*)"', line, re.DOTALL)
    if not found:
        return b"", line
    return re.sub(rb"\\(.)", rb"\1", found[1], flags=re.DOTALL), line[found.end() :]


def _quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _literal(text: bytes) -> bytes:
    return b"{%d+}\r\n%s" % (len(text), text)
