"""Sends mail as an ordinary outside server does: DKIM, MX lookup, opportunistic STARTTLS; keeps every reply."""

import re
import smtplib
import ssl
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import dkim
import dns.exception

from outsidemx import judging, resolving
from outsidemx.settings import SELECTOR, SMTP_PORT, Settings

TIMEOUT = 30.0


@dataclass(frozen=True)
class Step:
    """One command (its phase) and the reply to it."""

    phase: str
    code: int
    text: str


@dataclass
class Outcome:
    """What became of the mail to one recipient. Code 0: no reply at all, the text says why."""

    recipient: str
    accepted: bool
    code: int
    text: str
    phase: str
    host: str = ""
    address: str = ""
    tls: str | None = None
    steps: list[Step] = field(default_factory=list)


class Refused(Exception):
    """The peer ended the transfer in some phase."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.text)
        self.step = step


def canonical(raw: bytes) -> bytes:
    """Lines ended by CRLF, as SMTP wants them."""
    lined = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    return lined if lined.endswith(b"\r\n") else lined + b"\r\n"


class Sender:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key = settings.dkim_key.read_bytes()

    def sign(self, raw: bytes, domain: str) -> bytes:
        signature = dkim.sign(
            raw,
            SELECTOR.encode(),
            domain.encode("ascii"),
            self._key,
            canonicalize=(b"relaxed", b"relaxed"),
        )
        return bytes(signature) + raw

    def send(
        self,
        raw: bytes,
        sender: str,
        recipients: Iterable[str],
        *,
        sign: str | None = "auto",
        helo: str | None = None,
        tls: bool = True,
        options: Iterable[str] = (),
    ) -> list[Outcome]:
        """Deliver to each recipient's exchanger. `sign`: a domain, None, or `auto` (the author's, when it is ours)."""
        message = canonical(raw)
        domain = self._signing_domain(message) if sign == "auto" else sign
        if domain:
            message = self.sign(message, domain)
        outcomes = []
        by_domain: dict[str, list[str]] = {}
        for recipient in recipients:
            by_domain.setdefault(recipient.rpartition("@")[2].lower(), []).append(recipient)
        for target, people in by_domain.items():
            outcomes += self._deliver(target, message, sender, people, helo or self._settings.host, tls, list(options))
        return outcomes

    def _signing_domain(self, raw: bytes) -> str | None:
        authors = judging.from_domains(raw)
        return authors[0] if len(authors) == 1 and authors[0] in self._settings.domains else None

    def _deliver(
        self, domain: str, raw: bytes, sender: str, people: list[str], helo: str, tls: bool, options: list[str]
    ) -> list[Outcome]:
        trouble = f"{domain} has no address for mail"
        places: list[tuple[str, str]] = []
        try:
            hosts = resolving.mail_exchangers(domain)
            if not hosts:
                trouble = f"{domain} takes no mail (null MX)"
            places = [(host, address) for host in hosts for address in resolving.addresses(host)]
        except dns.exception.DNSException as error:
            trouble = f"lookup of {domain} failed: {error}"
        for host, address in places:
            if not self._settings.holds(address):
                trouble = f"{address} is outside the simulated internet"
                continue
            try:
                return self._transfer(host, address, raw, sender, people, helo, tls, options)
            except (OSError, smtplib.SMTPServerDisconnected) as error:
                trouble = f"{host} [{address}]: {error}"
        return [Outcome(person, False, 0, trouble, "connect") for person in people]

    def _transfer(
        self,
        host: str,
        address: str,
        raw: bytes,
        sender: str,
        people: list[str],
        helo: str,
        tls: bool,
        options: list[str],
    ) -> list[Outcome]:
        steps: list[Step] = []

        def take(phase: str, reply: tuple[int, bytes], good: range = range(200, 400)) -> Step:
            step = Step(phase, reply[0], reply[1].decode("utf-8", "replace"))
            steps.append(step)
            if step.code not in good:
                raise Refused(step)
            return step

        server = smtplib.SMTP(timeout=TIMEOUT, local_hostname=helo)
        server._host = host  # starttls sends this name; smtplib sets it only when its constructor connects
        version: str | None = None
        accepted: list[str] = []
        refused: dict[str, Step] = {}
        try:
            take("connect", server.connect(address, SMTP_PORT))
            take("ehlo", server.ehlo())
            if tls and server.has_extn("starttls"):
                take("starttls", server.starttls(context=unverified()))
                version = server.sock.version() if isinstance(server.sock, ssl.SSLSocket) else None
                take("ehlo", server.ehlo())
            take("mail", server.mail(sender, _mail_options(server, raw) + options))
            for person in people:
                try:
                    take("rcpt", server.rcpt(person))
                    accepted.append(person)
                except Refused as error:
                    refused[person] = error.step
            final = take("data", server.data(raw)) if accepted else None
        except Refused as error:
            final = error.step
        except smtplib.SMTPDataError as error:
            final = Step("data", error.smtp_code, _words(error.smtp_error))
            steps.append(final)
        finally:
            _quit(server)
        return [_outcome(person, refused.get(person) or final, host, address, version, steps) for person in people]


def _outcome(
    recipient: str, step: Step | None, host: str, address: str, version: str | None, steps: list[Step]
) -> Outcome:
    last = step or steps[-1]
    good = last.phase == "data" and 200 <= last.code < 300
    return Outcome(recipient, good, last.code, last.text, last.phase, host, address, version, steps)


def _mail_options(server: smtplib.SMTP, raw: bytes) -> list[str]:
    options = []
    if server.has_extn("size"):
        options.append(f"SIZE={len(raw)}")
    if server.has_extn("8bitmime") and any(byte > 127 for byte in raw):
        options.append("BODY=8BITMIME")
    return options


def unverified() -> ssl.SSLContext:
    """Mail between servers is encrypted opportunistically: the certificate is not judged."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _quit(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def _words(text: Any) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def as_json(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    return [asdict(outcome) for outcome in outcomes]
