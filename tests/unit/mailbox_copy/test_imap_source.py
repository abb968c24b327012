"""The way to a foreign server: a real `openssl s_client` here, not in a container, and a small server with TLS."""

import base64
import contextlib
import imaplib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailtenant.certificates import make_local_certificates
from mailtenant.mailbox_copy.imap_source import (
    Door,
    ImapSource,
    LoginRefused,
    Security,
    SourceMailbox,
    SourceUnreachable,
)
from mailtenant.migration.sides import SideError
from mailtenant.runner import Done

JO = SourceMailbox("jo@acme.test", "jo")


class Here:
    """Runs on this machine what a container would run, and keeps the words."""

    name = "mt-acme-imap"

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def run(self, command: Sequence[str], *, stdin: bytes = b"", seconds: float = 60) -> Done:
        self.asked.append(list(command))
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=seconds, check=False)
        return Done(done.returncode, done.stdout, done.stderr.decode())

    def start(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        self.asked.append(list(command))
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


class Server(threading.Thread):
    """Speaks as much IMAP as a login takes. `password` of `jo*admin`; `plain`: whether it knows AUTH=PLAIN."""

    def __init__(self, chain: Path, *, starttls: bool = False, plain: bool = True) -> None:
        super().__init__(daemon=True)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(chain)
        self._starttls, self._plain = starttls, plain
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            try:
                self._serve(raw)
            except OSError:
                raw.close()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._listener.close()

    def _serve(self, raw: socket.socket) -> None:
        if self._starttls:
            raw.sendall(b"* OK ready\r\n")
            while b"STARTTLS" not in (line := raw.recv(200).upper()):
                if not line:
                    raise ConnectionResetError  # Somebody only looked whether anybody listens.
                raw.sendall(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + line.split()[0] + b" OK done\r\n")
            raw.sendall(line.split()[0] + b" OK begin\r\n")
        with self._tls.wrap_socket(raw, server_side=True) as client, client.makefile("rwb", buffering=0) as lines:
            if not self._starttls:
                lines.write(b"* OK ready\r\n")
            while line := lines.readline():
                tag, word, *rest = line.split()
                lines.write(self._answer(tag, word.upper(), rest, lines))

    def _answer(self, tag: bytes, word: bytes, rest: list[bytes], lines: object) -> bytes:
        if word == b"CAPABILITY":
            return b"* CAPABILITY IMAP4rev1" + (b" AUTH=PLAIN" if self._plain else b"") + b"\r\n" + tag + b" OK x\r\n"
        if word == b"AUTHENTICATE":
            lines.write(b"+ \r\n")  # type: ignore[attr-defined]
            given = base64.b64decode(lines.readline())  # type: ignore[attr-defined]
            return tag + (
                b" OK in\r\n" if given == "\0jo*admin\0pwü".encode() else b" NO [AUTHENTICATIONFAILED] no\r\n"
            )
        return tag + b" OK done\r\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(key and chain for localhost, the CA of it)"""
    folder = tmp_path_factory.mktemp("tls")
    found = make_local_certificates("old", "localhost", datetime.now(UTC))
    (folder / "server.pem").write_text(found.key + found.chain)
    (folder / "ca.pem").write_text(found.ca)
    return folder / "server.pem", folder / "ca.pem"


@pytest.fixture(params=list(Security))
def server(made: tuple[Path, Path], request: pytest.FixtureRequest) -> Iterator[tuple[Server, Security]]:
    security: Security = request.param
    played = Server(made[0], starttls=security is Security.STARTTLS)
    played.start()
    yield played, security
    played.stop()


PASSWORD = "pwü"


def door(server: tuple[Server, Security], ca: Path | str, host: str = "localhost", password: str = PASSWORD) -> Door:
    source = ImapSource(host, server[0].port, server[1], "admin", password)
    return Door(Here(), source, str(ca))  # type: ignore[arg-type]


def test_a_session_is_logged_in_and_its_password_is_no_argument(
    server: tuple[Server, Security], made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A letter that s_client by itself takes for an order to renew its keys.
    monkeypatch.setattr(imaplib, "Int2AP", lambda _: b"KAAA")
    found = door(server, made[1])
    found.check()
    with found.session(JO) as client:
        assert client.noop()[0] == "OK"
    assert "pwü" not in repr(found.imap.asked) and "pwü" not in repr(found)  # type: ignore[attr-defined]


def test_a_refused_login_is_told_in_the_servers_words(server: tuple[Server, Security], made: tuple[Path, Path]) -> None:
    said = r"login as jo\*admin was refused: \[AUTHENTICATIONFAILED\] no$"
    with pytest.raises(LoginRefused, match=said) as refused, door(server, made[1], password="wrong").session(JO):
        pass
    assert "wrong" not in str(refused.value)


def test_an_untrusted_certificate_and_another_name_end_it_before_the_login(
    server: tuple[Server, Security], made: tuple[Path, Path]
) -> None:
    with pytest.raises(SourceUnreachable, match=r"is not trusted \(.+\); give the CA that has signed it: --ca FILE"):
        door(server, "").check()
    with pytest.raises(SourceUnreachable, match="for another name; give --from-host as the certificate names it"):
        door(server, made[1], host="127.0.0.1").check()
    with pytest.raises(SourceUnreachable, match="no IMAP session"), door(server, "").session(JO):
        pass


def test_nobody_there_and_the_wrong_kind_of_port_are_told(made: tuple[Path, Path]) -> None:
    plain = Server(made[0], starttls=True)
    plain.start()
    with pytest.raises(SourceUnreachable, match="is it --security tls on that port"):
        door((plain, Security.TLS), made[1]).check()
    plain.stop()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    source = ImapSource("localhost", port)
    with pytest.raises(SourceUnreachable, match="cannot be reached from mt-acme-imap: Connection refused"):
        Door(Here(), source).check()  # type: ignore[arg-type]


def test_a_server_without_auth_plain_takes_no_other_signs_than_ascii(made: tuple[Path, Path]) -> None:
    old = Server(made[0], plain=False)
    old.start()
    with door((old, Security.TLS), made[1], password="pw").session(JO) as client:
        assert client.noop()[0] == "OK"
    with pytest.raises(SideError, match="only ASCII"), door((old, Security.TLS), made[1]).session(JO):
        pass
    old.stop()
