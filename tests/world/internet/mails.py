"""Small messages."""

import secrets
from email.message import EmailMessage
from email.utils import formatdate, make_msgid


def token() -> str:
    """A subject that no other message has."""
    return f"subject-{secrets.token_hex(6)}"


def mail(sender: str, recipient: str, subject: str, **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Hello,\n\n.a line with a dot in front\n")
    return message
