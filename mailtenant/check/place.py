"""Where a tenant is and how to reach it: TCP to one address, TLS for one name, and the three protocols on top."""

import base64
import imaplib
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from mailtenant.check.sieve import SieveClient
from mailtenant.settings import TenantSettings

PORTS = (25, 465, 587, 993, 4190)
# Seconds for one reply. A server that looks for the client's name in a DNS that is down needs some.
LONGEST_REPLY = 20.0
# What this client calls itself to servers.
EHLO_NAME = "mailtenant-check.invalid"


@dataclass(frozen=True)
class Place:
    """`address` may be a name or an IP address; `host` is the name on the certificate. `ports` differ only in tests.

    `address6` is the tenant's IPv6 address where clients go to it directly: by name alone, a client that finds it dead
    would take the other one and tell nobody.
    """

    label: str
    host: str
    address: str
    tls: ssl.SSLContext
    timeout: float
    ports: Mapping[int, int] = field(default_factory=lambda: {port: port for port in PORTS})
    address6: str | None = None

    @classmethod
    def of(cls, settings: TenantSettings, timeout: float) -> "Place":
        """The published address if the tenant has one, else its host name; trusts the tenant's own CA."""
        address = str(settings.publish) if settings.publish else settings.host
        address6 = str(settings.edge.address6) if settings.edge.address6 and not settings.publish else None
        context = trust(settings.tls.ca)
        return cls(settings.label, settings.host, address, context, min(timeout, LONGEST_REPLY), address6=address6)

    def name(self, port: int) -> str:
        """For messages."""
        return f"[{self.address}]:{port}" if ":" in self.address else f"{self.address}:{port}"

    def by_ipv6(self) -> "Place":
        """The same, reached at its IPv6 address alone."""
        return replace(self, address=self.address6 or self.address)

    def connect(self, port: int) -> socket.socket:
        return socket.create_connection((self.address, self.ports[port]), timeout=self.timeout)

    def connect_tls(self, port: int) -> ssl.SSLSocket:
        plain = self.connect(port)
        try:
            return self.tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

    def greet(self, port: int) -> None:
        """The first octets that the service says. A connection alone proves nothing: the engine itself takes those.

        Raises: EOFError, when there are none. The certificate is not judged here.
        """
        with self.connect(port) as plain:
            connection = _UNVERIFIED.wrap_socket(plain) if port in (465, 993) else plain
            if not connection.recv(1):
                raise EOFError

    @contextmanager
    def smtp(self, port: int, *, starttls: bool) -> Iterator[smtplib.SMTP]:
        """25 and 587 in clear or after STARTTLS, 465 in TLS; EHLO is said."""
        client = _Smtp(self, port)
        try:
            if starttls:
                client.starttls(context=self.tls)
            client.ehlo()
            yield client
        finally:
            _quietly_quit(client)

    @contextmanager
    def imap(self) -> Iterator[imaplib.IMAP4]:
        client = _Imap(self)
        try:
            yield client
        finally:
            client.shutdown()

    @contextmanager
    def sieve(self) -> Iterator[SieveClient]:
        connection = self.connect(4190)
        client = SieveClient(connection)
        try:
            client.greeting()
            client.starttls(self.tls, self.host)
            yield client
        finally:
            client.close()


def trust(ca: str) -> ssl.SSLContext:
    """Verifies chain and name against this CA alone; TLS 1.2 or newer."""
    context = ssl.create_default_context(cadata=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def plain_token(user: str, password: str) -> str:
    """The initial response of SASL PLAIN (RFC 4616), in UTF-8, which smtplib and imaplib cannot do for passwords."""
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode("ascii")


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_UNVERIFIED = _unverified()


class _Smtp(smtplib.SMTP):
    """smtplib, connected to one address and named for another host."""

    def __init__(self, place: Place, port: int) -> None:
        self._place, self._port = place, port
        super().__init__(place.host, port, local_hostname=EHLO_NAME, timeout=place.timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._place.connect_tls(port) if port == 465 else self._place.connect(port)


class _Imap(imaplib.IMAP4):
    """imaplib over TLS, connected to one address and verified for another host."""

    def __init__(self, place: Place) -> None:
        self._place = place
        super().__init__(place.host, 993, timeout=place.timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._place.connect_tls(993)


def _quietly_quit(client: smtplib.SMTP) -> None:
    """The result is known by now; a server that hangs up early changes nothing."""
    try:
        client.quit()
    except (OSError, smtplib.SMTPException):
        client.close()
