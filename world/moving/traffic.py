"""Mail that never stops, from outside and from within, and the ledger of all that a server answered 250 to."""

import imaplib
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from world.moving.programs import Server, message
from world.outside import OutsideError, OutsideMx

GONE = (OSError, EOFError, smtplib.SMTPServerDisconnected, imaplib.IMAP4.abort)


@dataclass
class Ledger:
    """`accepted`: token → the mailbox where it must be. `unsure`: no answer came after the content was sent, so it may
    be there once or not, or twice after another try. `refused`: 5xx to mail. `denied`: (time, where) of logins."""

    accepted: dict[str, str] = field(default_factory=dict)
    unsure: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    denied: list[tuple[float, str]] = field(default_factory=list)
    deferred: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)

    def accept(self, kind: str, token: str, mailbox: str) -> None:
        self.by_kind[kind] += 1
        self.accepted[token] = mailbox

    def problems(self, found: Mapping[str, list[str]]) -> list[str]:
        """`found`: mailbox → subject lines on the side that serves. Nothing: every mail is there exactly once."""
        counts = {box: Counter(line.rpartition(" ")[2] for line in lines) for box, lines in found.items()}
        wrong = [f"refused: {line}" for line in self.refused]
        for token, mailbox in self.accepted.items():
            there = {box: count[token] for box, count in counts.items() if count[token]}
            if (there != {mailbox: 1} and token not in self.unsure) or mailbox not in there:
                wrong.append(f"{token} for {mailbox}: {there or 'nowhere'}")
        return wrong


class Traffic:
    """Threads that send until `stop`; what is deferred is sent again, as servers and people do."""

    def __init__(
        self,
        outside: OutsideMx,
        server: Callable[[], Server],
        passwords: Mapping[str, str],
        neighbour: tuple[Server, str, str],
        name: str,
        pause: float = 0.5,
    ) -> None:
        """`server`: where userinfo sends the customer's people now. `neighbour`: another customer of the shared host,
        its address and password."""
        self.ledger, self.neighbours = Ledger(), Ledger()
        self._outside, self._server, self._passwords, self._name, self._pause = outside, server, passwords, name, pause
        self._neighbour = neighbour
        self._stop = threading.Event()
        self._flowing = threading.Event()
        self._flowing.set()
        self._busy = 0
        self._lock = threading.Lock()
        self._count = 0
        targets = (self._from_outside, self._from_within, self._filing, self._from_the_neighbour)
        self._threads = [threading.Thread(target=self._forever, args=(target,), daemon=True) for target in targets]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends it; what was deferred last is given up, as it was accepted by nobody."""
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def pause(self, seconds: float = 180.0) -> None:
        """Returns once nothing is being sent. Raises: TimeoutError"""
        self._flowing.clear()
        deadline = time.monotonic() + seconds
        while self._busy:
            if time.monotonic() > deadline:
                raise TimeoutError("something is still being sent")
            time.sleep(0.1)  # between two looks of a poll with a deadline

    def go_on(self) -> None:
        self._flowing.set()

    def _token(self, kind: str) -> tuple[str, str]:
        with self._lock:
            self._count += 1
            addresses = sorted(self._passwords)
            return f"{self._name}-{kind}-{self._count}", addresses[self._count % len(addresses)]

    def _forever(self, target: Callable[[str, str], bool]) -> None:
        kind = target.__name__.removeprefix("_from_").removeprefix("_")
        while not self._stop.is_set():
            with self._lock:
                self._busy += 1
            if self._flowing.is_set():
                token, mailbox = self._token(kind)
                while not target(token, mailbox) and not self._stop.wait(1.0):
                    self.ledger.deferred += 1
            with self._lock:
                self._busy -= 1
            self._stop.wait(self._pause)

    def _from_outside(self, token: str, mailbox: str) -> bool:
        try:
            (done,) = self._outside.send(
                message("echo-none@elsewhere.test", mailbox, token),
                sender="someone@elsewhere.test",
                recipients=[mailbox],
            )
        except (OutsideError, OSError):
            self.ledger.unsure[token] = mailbox
            return False
        if done.accepted:
            self.ledger.accept("outside", token, mailbox)
            return True
        if done.code >= 500:
            self.ledger.refused.append(f"{done.host} to {mailbox}: {done.code} {done.text}")
            return True
        if done.code == 0 and done.phase not in ("connect", "ehlo", "mail", "rcpt"):
            self.ledger.unsure[token] = mailbox
        return False

    def _from_within(self, token: str, mailbox: str) -> bool:
        sender = next(address for address in sorted(self._passwords) if address != mailbox)
        return self._submit(self.ledger, self._server, sender, self._passwords[sender], mailbox, token, "within")

    def _from_the_neighbour(self, token: str, mailbox: str) -> bool:
        """Another customer of the shared host writes to the one that moves, and to itself: it must notice nothing."""
        server, address, password = self._neighbour
        own = self._submit(self.neighbours, lambda: server, address, password, address, f"{token}-own", "neighbour")
        if not own:
            self.neighbours.refused.append(f"the neighbour could not send {token}")
        return self._submit(self.ledger, lambda: server, address, password, mailbox, token, "neighbour")

    def _submit(
        self, ledger: Ledger, find: Callable[[], Server], sender: str, password: str, to: str, token: str, kind: str
    ) -> bool:
        server, sent = find(), False
        try:
            with server.submission(sender, password) as client:
                client.mail(sender)
                code, text = client.rcpt(to)
                if code == 250:
                    sent = True
                    code, text = client.data(message(sender, to, token).as_bytes())
                if code == 250:
                    ledger.accept(kind, token, to)
                    return True
                sent = False
                if code >= 500:
                    ledger.refused.append(f"{server.host} from {sender}: {code} {text!r}")
                    return True
        except smtplib.SMTPAuthenticationError as denied:
            ledger.denied.append((time.time(), f"{server.host} {denied.smtp_code}"))
        except smtplib.SMTPResponseException as refused:
            if refused.smtp_code >= 500:
                ledger.refused.append(f"{server.host} from {sender}: {refused.smtp_code}")
        except GONE:
            # The answer to the content may have been lost on the way.
            if sent and token not in ledger.accepted:
                ledger.unsure[token] = to
        return token in ledger.accepted

    def _filing(self, token: str, mailbox: str) -> bool:
        """A program files a message of its own (APPEND), flags another."""
        server = self._server()
        try:
            with server.imap(mailbox, self._passwords[mailbox]) as client:
                raw = message(mailbox, mailbox, token).as_bytes().replace(b"\n", b"\r\n")
                status, _ = client.append("INBOX", r"(\Seen)", "", raw)
                if status == "OK":
                    self.ledger.accept("filed", token, mailbox)
                    return True
        except imaplib.IMAP4.abort:
            self.ledger.unsure[token] = mailbox
        except imaplib.IMAP4.error as denied:
            self.ledger.denied.append((time.time(), f"{server.host} {str(denied)[:80]}"))
        except (OSError, EOFError):
            pass
        return False
