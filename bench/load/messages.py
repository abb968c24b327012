"""Messages of 5 kB as mail programs write them, each with an id of its own."""

from email.utils import formatdate

SIZE = 5_000
_LINE = "The quick brown fox jumps over the lazy dog, and writes home about it on a line.\r\n"


def message(sender: str, recipient: str, identifier: str, size: int = SIZE) -> bytes:
    """A whole message of about `size` octets; `identifier` is its Message-ID without the brackets."""
    head = (
        f"From: Sender <{sender}>\r\nTo: Recipient <{recipient}>\r\nSubject: measurement {identifier}\r\n"
        f"Date: {formatdate()}\r\nMessage-ID: <{identifier}>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
    )
    return (head + _LINE * max(1, (size - len(head)) // len(_LINE))).encode()
