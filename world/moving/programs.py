"""Mail programs of the customer's people: they ask userinfo for the host and log in there, with the old password."""

import base64
import imaplib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

TIMEOUT = 60.0


@dataclass(frozen=True)
class Server:
    """A host by its own name, reached at a published address, its certificate checked against its CA."""

    host: str
    address: str
    ca: str = field(repr=False)

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.ca)

    @contextmanager
    def submission(self, address: str, password: str, port: int = 465) -> Iterator[smtplib.SMTP]:
        """465 (TLS from the first octet) or 587 (STARTTLS)."""
        with _Smtp(self) if port == 465 else self._starttls(port) as client:
            client.ehlo("client.example")
            token = base64.b64encode(f"\0{address}\0{password}".encode()).decode()
            code, text = client.docmd("AUTH", f"PLAIN {token}")
            if code != 235:
                raise smtplib.SMTPAuthenticationError(code, text)
            yield client

    @contextmanager
    def imap(self, address: str, password: str) -> Iterator[imaplib.IMAP4]:
        with _Imap(self) as client:
            client.authenticate("PLAIN", lambda _: f"\0{address}\0{password}".encode())
            yield client

    def _starttls(self, port: int) -> smtplib.SMTP:
        client = smtplib.SMTP(self.address, port, timeout=TIMEOUT)
        client._host = self.host  # type: ignore[attr-defined]  # what the certificate must name
        client.starttls(context=self.tls())
        return client

    def subjects(self, address: str, password: str) -> list[str]:
        """Subject lines of every folder of a mailbox."""
        found: list[str] = []
        with self.imap(address, password) as client:
            for line in client.list()[1]:
                name = line.decode().rsplit(' "', 1)[-1].strip('"').rsplit(" ", 1)[-1] if line else "INBOX"  # type: ignore[union-attr]
                if client.select(f'"{name}"', readonly=True)[0] != "OK" or not client.search(None, "ALL")[1][0]:
                    continue
                answer = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
                found += [part[1].decode().strip() for part in answer if isinstance(part, tuple)]
        return found


def message(sender: str, recipient: str, token: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, recipient, token
    made["Date"], made["Message-ID"] = formatdate(), f"<{token}@{sender.partition('@')[2]}>"
    made.set_content(f"{token}\n")
    return made


class _Smtp(smtplib.SMTP_SSL):
    def __init__(self, server: Server) -> None:
        self._server = server
        super().__init__(server.address, 465, timeout=TIMEOUT, context=server.tls())

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        plain = smtplib.SMTP._get_socket(self, host, port, timeout)  # type: ignore[attr-defined]
        return self.context.wrap_socket(plain, server_hostname=self._server.host)


class _Imap(imaplib.IMAP4_SSL):
    def __init__(self, server: Server) -> None:
        self._server = server
        super().__init__(server.address, 993, ssl_context=server.tls(), timeout=TIMEOUT)

    def _create_socket(self, timeout: float | None) -> Any:
        plain = imaplib.IMAP4._create_socket(self, timeout)  # type: ignore[attr-defined]
        return self.ssl_context.wrap_socket(plain, server_hostname=self._server.host)
