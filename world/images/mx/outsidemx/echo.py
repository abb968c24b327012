"""Answers mail to echo@ with what this exchanger thinks of it, so that a tenant can read the outside verdict over IMAP.

Never answers the null sender, automatic mail or its own (RFC 3834): no loops.
"""

import email.message
import email.parser
import email.policy
import email.utils
import json
import queue
import threading
import time

from outsidemx.sending import Outcome, Sender
from outsidemx.settings import Settings
from outsidemx.store import Facts

RETRY_AFTER = (2.0, 5.0, 10.0, 20.0, 40.0)  # seconds, while the tenant answers 4xx or nothing


class Echo:
    def __init__(self, settings: Settings, sender: Sender) -> None:
        self._settings = settings
        self._sender = sender
        self._waiting: queue.SimpleQueue[tuple[Facts, bytes]] = queue.SimpleQueue()
        self.outcomes: list[dict[str, object]] = []

    def start(self) -> None:
        threading.Thread(target=self._work, name="echo", daemon=True).start()

    def arrived(self, facts: Facts, raw: bytes) -> None:
        """Called for every message that was kept."""
        if wants_answer(self._settings.echo_address, facts, raw):
            self._waiting.put((facts, raw))

    def _work(self) -> None:
        while True:
            facts, raw = self._waiting.get()
            # A slow or deferring tenant must not hold up the answers to others.
            threading.Thread(target=self._answer, args=(facts, raw), daemon=True).start()

    def _answer(self, facts: Facts, raw: bytes) -> None:
        message = compose(self._settings.echo_address, self._settings.host, facts).as_bytes()
        outcome = self._try(message, facts["sender"])
        for pause in RETRY_AFTER:
            if outcome.accepted or 500 <= outcome.code < 600:
                break
            time.sleep(pause)
            outcome = self._try(message, facts["sender"])
        self.outcomes = [
            *self.outcomes,
            {"answered": facts["id"], "recipient": facts["sender"], "code": outcome.code, "text": outcome.text},
        ][-200:]

    def _try(self, message: bytes, recipient: str) -> Outcome:
        return self._sender.send(message, self._settings.echo_address, [recipient])[0]


def wants_answer(address: str, facts: Facts, raw: bytes) -> bool:
    """Whether this is a person's (or a probe's) mail to the echo address."""
    if address not in (recipient.lower() for recipient in facts["recipients"]):
        return False
    if not facts["sender"] or facts["sender"].lower() == address:
        return False
    headers = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(raw)
    automatic = str(headers.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    listed = "List-Id" in headers or str(headers.get("Precedence", "")).strip().lower() in ("bulk", "list", "junk")
    return automatic == "no" and not listed


def compose(address: str, host: str, facts: Facts) -> email.message.EmailMessage:
    verdicts = facts["verdicts"]
    message = email.message.EmailMessage()
    message["From"] = address
    message["To"] = facts["sender"]
    message["Subject"] = f"Echo: {facts['subject']}"
    message["Date"] = email.utils.formatdate()
    message["Message-ID"] = email.utils.make_msgid(domain=host)
    message["Auto-Submitted"] = "auto-replied"
    if facts["message_id"]:
        message["In-Reply-To"] = facts["message_id"]
        message["References"] = facts["message_id"]
    # Not `Authentication-Results`: the reader's own server strips those that it did not write.
    message["X-Echo-Authentication-Results"] = authentication_results(host, verdicts)
    body = {"subject": facts["subject"], "sender": facts["sender"], "client": facts["client"], "verdicts": verdicts}
    message.set_content(json.dumps(body, indent=1) + "\n")
    return message


def authentication_results(host: str, verdicts: Facts) -> str:
    """The verdicts as one line in the form of RFC 8601."""
    spf, dmarc = verdicts["spf"], verdicts["dmarc"]
    parts = [host, f"spf={spf['result']} smtp.{spf['identity']}={spf['domain']}"]
    for signature in verdicts["dkim"]:
        parts.append(f"dkim={signature['result']} header.d={signature['domain']} header.s={signature['selector']}")
    if not verdicts["dkim"]:
        parts.append("dkim=none")
    parts.append(f"dmarc={dmarc['result']} (p={dmarc['policy']}) header.from={dmarc['domain']}")
    return "; ".join(parts)
