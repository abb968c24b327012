"""The shared host as its customers' mail programs see it."""

import imaplib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.world.tenants import DEADLINE, Mailbox, _Imap, _ImplicitTls, authenticate, eventually, message
from world.shared_host import SHARED_NAME


@dataclass(frozen=True)
class Shared:
    """`address`: where its ports are published; `ca`: what its certificate is checked with."""

    address: str
    ca: str = field(repr=False)

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.ca)

    @contextmanager
    def imap(self, mailbox: Mailbox) -> Iterator[imaplib.IMAP4]:
        with _Imap(self.address, SHARED_NAME, self.tls()) as client:
            client.authenticate("PLAIN", lambda _: f"\0{mailbox.address}\0{mailbox.password}".encode())
            yield client

    @contextmanager
    def submission(self, mailbox: Mailbox) -> Iterator[smtplib.SMTP]:
        with _ImplicitTls(self.address, SHARED_NAME, self.tls()) as client:
            client.ehlo("client.example")
            authenticate(client, mailbox)
            yield client

    @contextmanager
    def smtp(self) -> Iterator[smtplib.SMTP]:
        """Port 25, as another mail server."""
        with smtplib.SMTP(self.address, 25, local_hostname="client.elsewhere.test", timeout=DEADLINE) as client:
            client.ehlo()
            yield client

    def send(self, sender: Mailbox, to: str, token: str) -> None:
        with self.submission(sender) as client:
            client.send_message(message(sender.address, to, token))

    def subjects(self, mailbox: Mailbox, folder: str = "INBOX") -> list[str]:
        """In order of UID."""
        with self.imap(mailbox) as client:
            return subjects(client, folder)

    def wait_for(self, mailbox: Mailbox, token: str) -> None:
        """Until exactly one message with the token is in the INBOX."""

        def probe() -> bool:
            found = sum(token in subject for subject in self.subjects(mailbox))
            assert found < 2, f"{token} was delivered {found} times"
            return found == 1

        eventually(probe, seconds=120, what=f"{token} in {mailbox.address} on the shared host")


def subjects(client: imaplib.IMAP4, folder: str = "INBOX") -> list[str]:
    """Subject lines of a folder, in order of UID."""
    client.select(f'"{folder}"', readonly=True)
    answer = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1] if client.search(None, "ALL")[1][0] else []
    return [part[1].decode().strip() for part in answer if isinstance(part, tuple)]


def append(client: imaplib.IMAP4, token: str, folder: str = "INBOX", flags: str = "") -> None:
    """A message that a mail program files."""
    raw = message("someone@elsewhere.test", "jo@harbor.test", token).as_bytes().replace(b"\n", b"\r\n")
    status, answer = client.append(f'"{folder}"', flags, "", raw)
    assert status == "OK", answer
