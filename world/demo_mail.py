"""The demo's own mail client: sends over 465, reads over 993, with nothing but the standard library."""

import email
import imaplib
import secrets
import smtplib
import ssl
import time
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from mailtenant.settings import TenantSettings

DEADLINE = 90.0
ECHO = "echo@elsewhere.test"


@dataclass(frozen=True)
class Person:
    """A mailbox and its password."""

    address: str
    password: str


def send_to_a_colleague(settings: TenantSettings, sender: Person, reader: Person) -> str:
    """Sends one message over 465 and reads it over 993; it must carry a DKIM signature of the sender's domain.

    Raises: TimeoutError, or ConnectionError when the signature is not there.
    """
    token = _send(settings, sender, reader.address, "Lunch at noon?")
    raw = _read(settings, reader, token)
    if f"d={sender.address.partition('@')[2]}" not in (email.message_from_bytes(raw)["DKIM-Signature"] or ""):
        raise ConnectionError("the message arrived without a DKIM signature of its domain")
    return token


def outside_verdict(settings: TenantSettings, sender: Person) -> str:
    """Writes to the echo address outside; returns what that server found: its Authentication-Results, as one line."""
    token = _send(settings, sender, ECHO, "How do I look?")
    answer = email.message_from_bytes(_read(settings, sender, token, sender_is=ECHO))
    return " ".join((answer["X-Echo-Authentication-Results"] or "no verdict").split())


def _send(settings: TenantSettings, sender: Person, to: str, subject: str) -> str:
    token = secrets.token_hex(8)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender.address, to, f"{subject} [{token}]"
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=sender.address.partition("@")[2])
    message.set_content(f"Sent by the demo of mailtenant.\n{token}\n")
    with _Smtp(settings) as client:
        client.login(sender.address, sender.password)
        client.send_message(message)
    return token


def _read(settings: TenantSettings, reader: Person, token: str, sender_is: str | None = None) -> bytes:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        with _Imap(settings) as client:
            client.login(reader.address, reader.password)
            client.select("INBOX", readonly=True)
            criteria = ["SUBJECT", token] + (["FROM", sender_is] if sender_is else [])
            for number in client.search(None, *criteria)[1][0].split():
                return bytes(client.fetch(number, "(BODY.PEEK[])")[1][0][1])  # type: ignore[index]
        time.sleep(0.3)
    raise TimeoutError(
        f"no message {token} for {reader.address} within {DEADLINE:.0f} s: see `docker logs mt-{settings.label}-smtp`"
    )


class _Smtp(smtplib.SMTP_SSL):
    """465 at the published address; the certificate is checked against the tenant host."""

    def __init__(self, settings: TenantSettings) -> None:
        self._settings = settings
        context = ssl.create_default_context(cadata=settings.tls.ca)
        super().__init__(str(settings.publish), 465, timeout=DEADLINE, context=context)

    def _get_socket(self, host: str, port: int, timeout: float) -> ssl.SSLSocket:
        plain = smtplib.SMTP._get_socket(self, host, port, timeout)  # type: ignore[attr-defined]
        return self.context.wrap_socket(plain, server_hostname=self._settings.host)


class _Imap(imaplib.IMAP4_SSL):
    """993 at the published address; the certificate is checked against the tenant host."""

    def __init__(self, settings: TenantSettings) -> None:
        self._settings = settings
        super().__init__(
            str(settings.publish), 993, ssl_context=ssl.create_default_context(cadata=settings.tls.ca), timeout=DEADLINE
        )

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        plain = imaplib.IMAP4._create_socket(self, timeout)  # type: ignore[attr-defined]
        secured: ssl.SSLSocket = self.ssl_context.wrap_socket(plain, server_hostname=self._settings.host)
        return secured
