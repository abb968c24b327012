"""A foreign IMAP server, as the tenant's imap container reaches it: the copy runs there, so questions are put there.

A session is `openssl s_client` in that container, spoken to by its pipes: a password is never an argument, and what is
seen does not come from the code that copies. The certificate is always checked.
"""

import imaplib
import ipaddress
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Final

from mailtenant.mailbox_copy.session import pipes
from mailtenant.mailbox_copy.sieve import ManageSieve
from mailtenant.mailbox_copy.sync import FOLDER, write_private
from mailtenant.migration.sides import SideError
from mailtenant.runner import Runner

_SESSION_SECONDS: Final = "3600"
_REACH_SECONDS: Final = 20
_END_SECONDS: Final = 10
_TRUSTED: Final = "/etc/ssl/certs"
_REACH: Final = 'exec 3<>"/dev/tcp/$0/$1"'
_VERIFY: Final = re.compile(r"verify error:num=(\d+):(.*)")
_WRONG_NAME: Final = ("62", "64")
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_EXPIRED: Final = ("9", "10")
"""Not yet valid, and expired."""


class SourceUnreachable(SideError):
    """The server does not answer, or not safely: nothing can be said of any mailbox on it."""


class LoginRefused(SideError):
    """The server did not let us in as this mailbox."""


class HungUp(LoginRefused):
    """It ended the connection instead of an answer."""


class Security(StrEnum):
    """TLS from the first byte, or after STARTTLS; there is nothing without."""

    TLS = "tls"
    STARTTLS = "starttls"


@dataclass(frozen=True)
class ImapSource:
    """`master` may log in as anybody, as `login*master`: Dovecot's way, and others'. Without one each mailbox brings
    its own password. `ca`: PEM; empty: the authorities that the image trusts. `sieve_port` 0: filters stay there."""

    host: str
    port: int
    security: Security = Security.TLS
    master: str = ""
    password: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)
    sieve_port: int = 0

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class SourceMailbox:
    """A mailbox to be copied: `address` here, `login` there. `password`: only without a master user."""

    address: str
    login: str
    password: str = field(default="", repr=False)

    def credentials(self, source: ImapSource) -> tuple[str, str]:
        """(user, password) as they are given to the server."""
        return (f"{self.login}*{source.master}", source.password) if source.master else (self.login, self.password)


@dataclass(frozen=True)
class Door:
    """The server, and the container that asks it. `ca_file`: in the container; empty: what the image trusts."""

    imap: Runner
    source: ImapSource
    ca_file: str = ""

    @contextmanager
    def session(self, box: SourceMailbox) -> Iterator[imaplib.IMAP4]:
        """Logged in. Raises: LoginRefused, SourceUnreachable, SideError"""
        process = self.imap.start(self._client(_SESSION_SECONDS, self.source.port, self._starttls))
        with imap_over(process, f"{self.source.place}: {box.address}", greeted=not self._starttls) as client:
            self._log_in(client, box)
            yield client

    @contextmanager
    def filters(self, box: SourceMailbox) -> Iterator[ManageSieve]:
        """The same for ManageSieve, which begins with STARTTLS always (RFC 5804). Raises: SideError"""
        who = f"{self.source.host}:{self.source.sieve_port}: {box.address}"
        process = self.imap.start(self._client(_SESSION_SECONDS, self.source.sieve_port, "sieve"))
        with pipes(process, who) as (reader, writer):
            session = ManageSieve(reader, writer, who)
            session.authenticate(*box.credentials(self.source))
            yield session

    def check(self) -> None:
        """Whether it can be reached, and whether its certificate is trusted. Raises: SourceUnreachable, HostGone"""
        source = self.source
        seconds = str(_REACH_SECONDS)
        done = self.imap.run(["timeout", seconds, "bash", "-c", _REACH, source.host, str(source.port)])
        if done.code:
            why = done.errors.strip().splitlines()[-1].rpartition(": ")[2] if done.errors.strip() else "no answer"
            why = f"no answer within {seconds} s" if done.code == 124 else why
            raise SourceUnreachable(
                f"{source.place} cannot be reached from {self.imap.name}: {why}; check host, port and firewall"
            )
        done = self.imap.run(self._client(seconds, source.port, self._starttls), stdin=b"a LOGOUT\r\n")
        if found := _VERIFY.search(done.errors):
            raise SourceUnreachable(f"{source.place}: {_distrust(found[1], found[2].strip())}")
        if done.code:
            raise SourceUnreachable(
                f"{source.place}: no TLS session; is it --security {source.security} on that port? "
                "(993 is tls, 143 is starttls)"
            )

    @property
    def _starttls(self) -> str:
        return "imap" if self.source.security is Security.STARTTLS else ""

    def _client(self, seconds: str, port: int, starttls: str) -> list[str]:
        host = self.source.host
        number = _is_address(host)
        command = ["timeout", "-k", "5", seconds, "openssl", "s_client", "-quiet", "-verify_return_error"]
        # Else a line that begins with K or Q would be taken for an order to s_client: tags and passwords may.
        command += ["-nocommands", "-no_ign_eof"]
        command += ["-connect", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
        command += ["-noservername", "-verify_ip", host] if number else ["-servername", host, "-verify_hostname", host]
        command += ["-CAfile", self.ca_file, "-no-CApath", "-no-CAstore"] if self.ca_file else ["-CApath", _TRUSTED]
        return command + (["-starttls", starttls] if starttls else [])

    def _log_in(self, client: imaplib.IMAP4, box: SourceMailbox) -> None:
        user, password = box.credentials(self.source)
        try:
            if "AUTH=PLAIN" in client.capabilities:
                client.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
            else:
                client.login(user, password)
        except UnicodeError:
            raise SideError(f"{self.source.place} takes only ASCII user names and passwords (no AUTH=PLAIN)") from None
        except (imaplib.IMAP4.abort, OSError):
            # Measured: so does Dovecot 2.4.1 with a master user that is right and a mailbox that it does not have.
            raise HungUp(
                f"{self.source.place}: the server ended the connection at login as {user}; is there such a mailbox?"
            ) from None
        except imaplib.IMAP4.error as error:
            raise LoginRefused(f"{self.source.place}: login as {user} was refused: {_words(error)}") from None


@contextmanager
def opened(imap: Runner, source: ImapSource) -> Iterator[Door]:
    """The CA is in the container's memory meanwhile. Raises: SideError"""
    if not source.ca:
        yield Door(imap, source)
        return
    name = f"ca-{secrets.token_hex(8)}.pem"
    write_private(imap, name, source.ca)
    try:
        yield Door(imap, source, f"{FOLDER}/{name}")
    finally:
        imap.run(["rm", "-f", f"{FOLDER}/{name}"])


class _Piped(imaplib.IMAP4_stream):
    """imaplib over the pipes of a running process; `greeted`: whether the server's greeting is still to come."""

    def __init__(self, process: "subprocess.Popen[bytes]", *, greeted: bool) -> None:
        self._piped, self._owed = process, b"" if greeted else b"* OK after STARTTLS\r\n"
        super().__init__("")

    def open(self, host: str | None = None, port: int | None = None, timeout: float | None = None) -> None:
        self.host = self.port = self.sock = self.file = None  # type: ignore[assignment]
        self.process = self._piped
        self.writefile, self.readfile = _pipe(self._piped.stdin), _pipe(self._piped.stdout)

    def readline(self) -> bytes:
        owed, self._owed = self._owed, b""
        return owed or super().readline()

    def shutdown(self) -> None:
        """The end of its input ends the process; whoever does not listen is ended."""
        with suppress(OSError):
            self.writefile.close()
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.readfile.close()


@contextmanager
def imap_over(process: "subprocess.Popen[bytes]", who: str, *, greeted: bool = True) -> Iterator[imaplib.IMAP4]:
    """`who` is for messages. Raises: SourceUnreachable, if nobody speaks IMAP; SideError with a server's refusal"""
    try:
        client = _Piped(process, greeted=greeted)
    except (OSError, imaplib.IMAP4.error) as error:
        raise SourceUnreachable(f"{who}: no IMAP session: {_words(error)}; too many at once? See --parallel") from None
    try:
        yield client
    except (imaplib.IMAP4.error, OSError) as error:
        raise SideError(f"{who}: {_words(error)}") from None
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            client.logout()
        client.shutdown()


def _words(error: Exception) -> str:
    """The server's words without Python's quotes, never more than a line."""
    text = str(error.args[0] if error.args else error)
    found = re.fullmatch(r"b(['\"])(.*)\1", text, re.DOTALL)
    return " ".join((found[2] if found else text).split())[:200] or type(error).__name__


def _distrust(number: str, why: str) -> str:
    if number in _WRONG_NAME:
        return "its certificate is for another name; give --from-host as the certificate names it"
    if number in _EXPIRED:
        return f"its certificate is not valid now ({why}); it has to be renewed there"
    return f"its certificate is not trusted ({why}); give the CA that has signed it: --ca FILE (PEM)"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise OSError("the process has no pipes")
    return pipe
