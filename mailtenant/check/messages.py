"""The probe's own messages, and what comes back for them."""

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal


def probe_message(sender: str, recipient: str, token: str, now: datetime) -> EmailMessage:
    """A small mail whose subject and Message-ID hold the token."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = f"mailtenant check {token}"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{token}@{sender.rpartition('@')[2]}>"
    message.set_content(f"This message was sent by `mailtenant check`. It may be deleted.\n\n{token}\n")
    return message


@dataclass(frozen=True)
class Arrival:
    """`mail`: the awaited one. `bounce`: a report that it could not be delivered; `words` are the report's reason."""

    kind: Literal["mail", "bounce"]
    message: EmailMessage
    words: str = ""


def recognise(raw: bytes, token: str) -> Arrival | None:
    """Whether this message belongs to the probe with that token: itself, an answer to it, or its bounce."""
    message: EmailMessage = message_from_bytes(raw, policy=policy.default)
    if message.get_content_type() == "multipart/report":
        return Arrival("bounce", message, bounce_reason(message)) if token.encode() in raw else None
    fields = (str(message.get(name, "")) for name in ("Subject", "Message-ID", "In-Reply-To", "References"))
    return Arrival("mail", message) if any(token in field for field in fields) else None


def bounce_reason(message: EmailMessage) -> str:
    """The remote server's words out of a delivery report (RFC 3464 §2.3.6)."""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            for block in part.get_payload():
                diagnostic = block.get("Diagnostic-Code") if hasattr(block, "get") else None
                if diagnostic:
                    return " ".join(str(diagnostic).partition(";")[2].split() or str(diagnostic).split())
    return "the report gives no reason"
