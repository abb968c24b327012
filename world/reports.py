"""What the outside exchanger knows, as plain values: of a message that arrived, of one that it sent, of a dialogue."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


@dataclass(frozen=True)
class Identity:
    host: str
    domains: tuple[str, ...]
    echo: str
    selector: str
    public_key: str


@dataclass(frozen=True)
class Client:
    """The server that delivered a message, as seen from outside."""

    address: str
    ehlo: str
    ptr: str | None
    forward_confirmed: bool
    tls: str | None
    cipher: str | None


@dataclass(frozen=True)
class Spf:
    result: str
    domain: str
    identity: str
    reason: str


@dataclass(frozen=True)
class DkimSignature:
    result: str
    domain: str
    selector: str
    reason: str
    algorithm: str
    key_bits: int
    signed_headers: tuple[str, ...]


@dataclass(frozen=True)
class Dmarc:
    result: str
    domain: str
    policy: str
    reason: str
    spf_aligned: bool
    dkim_aligned: bool


@dataclass(frozen=True)
class Verdicts:
    """`dkim_result` is `pass` when at least one of the signatures in `dkim` passes, `none` without any."""

    spf: Spf
    dkim: tuple[DkimSignature, ...]
    dmarc: Dmarc
    dkim_result: str

    @property
    def all_pass(self) -> bool:
        return (self.spf.result, self.dkim_result, self.dmarc.result) == ("pass", "pass", "pass")


@dataclass(frozen=True)
class Received:
    """One message that arrived: envelope, peer, verdicts and, as `raw`, its very bytes."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    message_id: str
    options: tuple[str, ...]
    client: Client
    verdicts: Verdicts
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)


@dataclass(frozen=True)
class Step:
    """A reply: in which phase, or to which bytes."""

    phase: str
    code: int
    text: str


@dataclass(frozen=True)
class Delivery:
    """What became of the mail to one recipient; `code` 0 means that there was no reply, and `text` says why."""

    recipient: str
    accepted: bool
    code: int
    text: str
    phase: str
    host: str
    address: str
    tls: str | None
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Say:
    """One step of a raw dialogue: send these bytes as they are, then read so many replies within `wait` seconds."""

    data: bytes = b""
    replies: int = 1
    starttls: bool = False
    wait: float = 20.0


@dataclass(frozen=True)
class Heard:
    """The replies to one step: fewer than asked for when the server kept silent, `closed` when it hung up."""

    replies: tuple[Step, ...]
    closed: bool

    @property
    def codes(self) -> tuple[int, ...]:
        return tuple(step.code for step in self.replies)


def received(facts: dict[str, Any], raw: bytes) -> Received:
    """From the exchanger's JSON and the message's bytes."""
    return Received(
        id=facts["id"],
        sender=facts["sender"],
        recipients=tuple(facts["recipients"]),
        subject=facts["subject"],
        message_id=facts["message_id"],
        options=tuple(facts["options"]),
        client=Client(**facts["client"]),
        verdicts=verdicts(facts["verdicts"]),
        raw=raw,
    )


def verdicts(found: dict[str, Any]) -> Verdicts:
    """From the exchanger's JSON."""
    return Verdicts(
        spf=Spf(**found["spf"]),
        dkim=tuple(
            DkimSignature(**{**each, "signed_headers": tuple(each["signed_headers"])}) for each in found["dkim"]
        ),
        dmarc=Dmarc(**found["dmarc"]),
        dkim_result=found["dkim_result"],
    )
