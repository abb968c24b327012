"""What a mail program does beyond sending and fetching, in its own words: the same code for any server."""

import imaplib
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mailtenant.mailbox_copy.sieve import ManageSieve
from world.moving.programs import TIMEOUT, Server


@contextmanager
def filters(server: Server, address: str, password: str) -> Iterator[ManageSieve]:
    """ManageSieve on 4190: STARTTLS, then the login."""
    with socket.create_connection((server.address, 4190), TIMEOUT) as plain:
        with plain.makefile("rb", buffering=0) as lines:
            _until_ok(lines)
            plain.sendall(b"STARTTLS\r\n")
            _until_ok(lines)
        with server.tls().wrap_socket(plain, server_hostname=server.host) as secure, secure.makefile("rwb") as stream:
            session = ManageSieve(stream, stream, address)
            session.authenticate(address, password)
            yield session


def _until_ok(lines: "socket.SocketIO") -> None:  # type: ignore[name-defined]
    while not (line := lines.readline()).startswith(b"OK"):
        assert line and not line.startswith((b"NO", b"BYE")), line


def capabilities(client: imaplib.IMAP4) -> set[str]:
    """After the login: servers offer more then."""
    return set(client.capability()[1][0].decode().upper().split())


def separator(client: imaplib.IMAP4) -> str:
    """Between a folder and one below it; each server says its own."""
    [line] = [line for line in client.list('""', '""')[1] if isinstance(line, bytes)]
    found = re.search(rb'\) "(.)" ', line)
    assert found, line
    return found[1].decode()


def roles(client: imaplib.IMAP4) -> dict[str, str]:
    """Special use → folder (RFC 6154)."""
    found = {}
    for line in _untagged(client, 'LIST "" "*" RETURN (SPECIAL-USE)', "LIST"):
        attributes, name = re.fullmatch(r'\(([^)]*)\) "." "?([^"]*)"?', line).groups()  # type: ignore[union-attr]
        found |= {one: name for one in attributes.split() if one in (r"\Sent", r"\Drafts", r"\Trash", r"\Junk")}
    return found


def _untagged(client: imaplib.IMAP4, command: str, word: str) -> list[str]:
    name, _, rest = command.partition(" ")
    status, answer = client._simple_command(name, rest)  # type: ignore[attr-defined]
    status, answer = client._untagged_response(status, answer, word)  # type: ignore[attr-defined]
    assert status == "OK", answer
    return [line.decode() for line in answer if isinstance(line, bytes)]


@contextmanager
def idle(client: imaplib.IMAP4) -> Iterator[Iterator[str]]:
    """IDLE (RFC 2177) on the selected folder: the lines that the server sends meanwhile; ends with DONE.

    Raises within: TimeoutError
    """
    tag = client._new_tag()  # type: ignore[attr-defined]
    client.send(tag + b" IDLE\r\n")
    assert client.readline().startswith(b"+")

    def lines() -> Iterator[str]:
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            yield client.readline().decode().strip()
        raise TimeoutError("the server said nothing of use in IDLE")

    yield lines()
    client.send(b"DONE\r\n")
    while not (line := client.readline()).startswith(tag):
        assert line
    assert line.split()[1] == b"OK", line
