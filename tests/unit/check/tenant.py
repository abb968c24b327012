"""A pretend tenant in this process: five ports, one mailbox, an echo service, and a switch for each possible fault."""

import base64
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from mailtenant.certificates import LocalCertificates, make_local_certificates
from mailtenant.check.place import PORTS, Place, trust
from mailtenant.check.state import Check, Login
from tests.unit.check.lines import LineServer

HOST, USER, PASSWORD, ECHO = "acme.outboxment.test", "probe@acme.test", "pässwörd ✓", "echo@elsewhere.test"
GOOD = "spf=pass smtp.mailfrom=x; dkim=pass header.d=x; dmarc=pass (p=none) header.from=x"
# The handshake reads the real clock.
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Faults:
    """What is wrong with this tenant; nothing, at first."""

    login: tuple[str, str] | None = None  # refusal of every login: SMTP code and words, e.g. ("535", "5.7.8 …")
    takes_any_password: bool = False
    auth_in_clear: bool = False
    mail_in_clear: bool = False
    auth_on_25: bool = False
    filter_is_down: bool = False
    relay: str = "554 5.7.1 relay access denied"
    missing_folder: str = ""
    unsubscribed_folder: str = ""
    swallows_mail: bool = False
    delivers_to: str = "INBOX"
    bounces: bool = False
    defers: int = 0
    refuses_mail: str = ""
    echo_says: str = f"mx.elsewhere.test; {GOOD}"
    own_says: str = f"{HOST}; {GOOD}"
    hangs_on: int = 0  # a port that takes connections and says nothing
    hangs_up_on: int = 0  # a port that takes connections and ends them, like the engine's for a service that is down


@dataclass
class PretendTenant:
    faults: Faults
    folders: dict[str, dict[int, bytes]] = field(default_factory=lambda: {"INBOX": {}, "Junk": {}})
    next_uid: int = 1

    def login_is_right(self, token: str) -> bool:
        _, user, password = base64.b64decode(token).decode().split("\0")
        return not self.faults.login and (self.faults.takes_any_password or (user, password) == (USER, PASSWORD))

    def submitted(self, raw: bytes, recipient: str) -> None:
        """Delivers as Postfix, filter and the echo service together would."""
        if self.faults.swallows_mail:
            return
        message: EmailMessage = message_from_bytes(raw, policy=policy.default)
        if self.faults.bounces:
            self.deliver(bounce_of(message))
        elif recipient == ECHO:
            self.deliver(self.answer_to(message))
        else:
            self.deliver(raw)

    def answer_to(self, message: EmailMessage) -> bytes:
        answer = EmailMessage()
        if self.faults.own_says:
            answer["Authentication-Results"] = self.faults.own_says
        # A field that the sender wrote itself; it must not be believed.
        answer["Authentication-Results"] = "forged.test; spf=fail; dkim=fail; dmarc=fail"
        answer["From"], answer["To"], answer["Subject"] = ECHO, USER, "Echo"
        answer["In-Reply-To"] = message["Message-ID"]
        if self.faults.echo_says:
            answer["X-Echo-Authentication-Results"] = self.faults.echo_says
        answer.set_content("see the header\n")
        return answer.as_bytes()

    def deliver(self, raw: bytes) -> None:
        self.folders[self.faults.delivers_to][self.next_uid] = raw
        self.next_uid += 1


def bounce_of(message: EmailMessage) -> bytes:
    """As Postfix writes it (RFC 3464)."""
    return (
        f"From: MAILER-DAEMON@{HOST}\r\nTo: {USER}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nI'm sorry.\r\n"
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; {HOST}\r\n\r\n"
        f"Final-Recipient: rfc822; {ECHO}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such\r\n user here\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message['Message-ID']}\r\n\r\n--b--\r\n"
    ).encode()


@contextmanager
def running(
    faults: Faults | None = None, *, host: str = HOST, made: datetime = NOW, ca: str | None = None, stop: int = 0
) -> Iterator[Check]:
    """The tenant on free ports, and a check of it.

    `host`, `made`: of its certificate; `stop`: a port without a server.
    """
    from tests.unit.check.imap import imap_talk
    from tests.unit.check.sieve import sieve_talk
    from tests.unit.check.smtp import smtp_talk

    tenant = PretendTenant(faults or Faults())
    certificates = make_local_certificates("acme", host, made)
    context = server_context(certificates)
    talks = {25: smtp_talk, 465: smtp_talk, 587: smtp_talk, 993: imap_talk, 4190: sieve_talk}
    servers = {port: LineServer(talks[port](tenant, port), context, implicit_tls=port in (465, 993)) for port in PORTS}
    if stop:
        servers[stop].close()
    ports = {port: server.port for port, server in servers.items()}
    place = Place("acme", HOST, "127.0.0.1", trust(ca or certificates.ca), 2.0, ports)
    clock = lambda: NOW + timedelta(hours=1)  # noqa: E731
    check = Check(place, Login(USER, PASSWORD), ECHO, 1.0, "0123456789ab", clock)
    check.tenant = tenant  # type: ignore[attr-defined]
    try:
        yield check
    finally:
        for port, server in servers.items():
            if port != stop:
                server.close()


def server_context(certificates: LocalCertificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chain.pem"
        file.write_text(certificates.key + certificates.chain)
        context.load_cert_chain(file)
    return context
