"""The outside mail exchanger as tests and demo use it: what arrived there, its verdicts, and mail sent from there."""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from email import policy
from email.message import EmailMessage
from typing import Any, Literal

from world.reports import (
    Client,
    Delivery,
    DkimSignature,
    Dmarc,
    Heard,
    Identity,
    Received,
    Say,
    Spf,
    Step,
    Verdicts,
    received,
    verdicts,
)

__all__ = [
    "Client",
    "Delivery",
    "DkimSignature",
    "Dmarc",
    "Heard",
    "Identity",
    "OutsideError",
    "OutsideMx",
    "Received",
    "Say",
    "Spf",
    "Step",
    "Verdicts",
    "verdicts",
]

DEADLINE = 60.0


class OutsideError(Exception):
    """The exchanger refused a request; its words."""


class OutsideMx:
    """Client of the exchanger's HTTP side at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def identity(self) -> Identity:
        found = self._call("GET", "identity")
        return Identity(**{**found, "domains": tuple(found["domains"])})

    # -- what arrived -------------------------------------------------------------------------------------------------

    def messages(
        self, recipient: str | None = None, *, subject: str | None = None, sender: str | None = None
    ) -> list[Received]:
        """Oldest first. `recipient` and `sender` are whole addresses, `subject` is a part of it."""
        return [self._received(facts) for facts in self._call("GET", "messages", _query(recipient, subject, sender))]

    def wait_for(
        self,
        recipient: str | None = None,
        subject: str | None = None,
        deadline: float = DEADLINE,
        *,
        sender: str | None = None,
    ) -> Received:
        """The first message that matches, as soon as it is there. Raises TimeoutError after `deadline` seconds."""
        end = time.monotonic() + deadline
        while (left := end - time.monotonic()) > 0:
            query = {**_query(recipient, subject, sender), "wait": f"{min(left, 10.0):.1f}"}
            found = self._call("GET", "messages", query)
            if found:
                return self._received(found[0])
        wanted = f"mail for {recipient or 'anyone'} with subject {subject or 'of any kind'}"
        raise TimeoutError(f"no {wanted} arrived outside within {deadline:.0f} s")

    def clear(self, recipient: str | None = None) -> int:
        """Forget messages; returns how many."""
        return int(self._call("DELETE", "messages", _query(recipient, None, None))["removed"])

    # -- what is sent from there --------------------------------------------------------------------------------------

    def send(
        self,
        message: EmailMessage | bytes,
        *,
        sender: str,
        recipients: Sequence[str],
        sign: str | Literal["auto"] | None = "auto",
        helo: str | None = None,
        tls: bool = True,
        options: Sequence[str] = (),
    ) -> list[Delivery]:
        """Deliver by MX lookup from the exchanger's address, one outcome a recipient.

        `sign`: DKIM-sign for this domain; `auto` means the author's domain if the exchanger serves it; None means not.
        `options` are further words of MAIL FROM.
        """
        raw = message if isinstance(message, bytes) else message.as_bytes(policy=policy.SMTP)
        order = {
            "raw": base64.b64encode(raw).decode(),
            "sender": sender,
            "recipients": list(recipients),
            "sign": sign,
            "helo": helo,
            "tls": tls,
            "options": list(options),
        }
        return [
            Delivery(**{**outcome, "steps": tuple(Step(**step) for step in outcome["steps"])})
            for outcome in self._call("POST", "send", body=order)
        ]

    def dialogue(self, host: str, steps: Sequence[Say], *, port: int = 25, tls: bool = False) -> list[Heard]:
        """Speak raw bytes to a server in the world from the exchanger's address, one answer a step.

        The connection is made first; give an empty first step to read the greeting.
        """
        order = {
            "host": host,
            "port": port,
            "tls": tls,
            "steps": [
                {
                    "send": base64.b64encode(step.data).decode(),
                    "replies": step.replies,
                    "starttls": step.starttls,
                    "wait": step.wait,
                }
                for step in steps
            ],
        }
        return [
            Heard(tuple(Step(**step) for step in answer["replies"]), answer["closed"])
            for answer in self._call("POST", "inject", body=order)
        ]

    # -- faults -------------------------------------------------------------------------------------------------------

    def refuse(
        self, recipient: str, reply: str, *, phase: Literal["rcpt", "data"] = "rcpt", times: int | None = None
    ) -> str:
        """Answer mail to this address with `reply` (`"450 4.2.1 later"`), `times` times or always. Returns its id."""
        return self._fault(recipient=recipient, reply=reply, phase=phase, times=times)

    def greylist(self, recipient: str) -> str:
        """Refuse the first attempt of each client and sender with 451, take the next."""
        return self._fault(recipient=recipient, reply="451 4.7.1 greylisted, try again", phase="rcpt", greylist=True)

    def slow_down(self, recipient: str, seconds: float, *, phase: Literal["rcpt", "data"] = "data") -> str:
        """Answer mail to this address only after so many seconds."""
        return self._fault(recipient=recipient, delay=seconds, phase=phase)

    def refuse_client(self, address: str, reply: str | None = None, *, times: int | None = None) -> str:
        """Greet this server's address with `reply` (`"421 4.3.2 busy"`), or hang up on it without a word."""
        return self._fault(client=address, reply=reply, drop=reply is None, phase="connect", times=times)

    def no_faults(self, fault: str | None = None) -> int:
        """End one fault, or all; returns how many ended."""
        return int(self._call("DELETE", "faults" + (f"/{fault}" if fault else ""))["removed"])

    def _fault(self, **values: Any) -> str:
        return str(self._call("POST", "faults", body=values)["id"])

    def _received(self, facts: dict[str, Any]) -> Received:
        return received(facts, self._open("GET", f"messages/{facts['id']}/raw", {}, None))

    def _call(self, method: str, path: str, query: dict[str, str] | None = None, body: Any = None) -> Any:
        return json.loads(self._open(method, path, query or {}, None if body is None else json.dumps(body).encode()))

    def _open(self, method: str, path: str, query: dict[str, str], body: bytes | None) -> bytes:
        url = f"{self._url}/{path}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url, data=body, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise OutsideError(f"{method} /{path}: {json.loads(error.read())['error']}") from error


def _query(recipient: str | None, subject: str | None, sender: str | None) -> dict[str, str]:
    given = {"recipient": recipient, "subject": subject, "sender": sender}
    return {key: value for key, value in given.items() if value is not None}
