"""An INBOX over IMAP on 993: how many messages are there, which, and away with them."""

import base64
import re
import ssl
from typing import Self

from bench.load.lines import LineConnection
from bench.target import Mailbox, Target

_LITERAL = re.compile(rb"\{(\d+)\}$")
_EXISTS = re.compile(rb"^\* (\d+) EXISTS", re.MULTILINE)
_ID = re.compile(rb"(?im)^Message-ID:\s*<([^>]+)>")


class ImapRefused(OSError):
    """The server answered a command with NO or BAD; its own words."""


class Inbox(LineConnection):
    """One session, logged in."""

    @classmethod
    def login(cls, target: Target, mailbox: Mailbox, tls: ssl.SSLContext) -> Self:
        session = cls(target, 993, tls)
        try:
            session.line()
            plain = base64.b64encode(f"\0{mailbox.address}\0{mailbox.password}".encode()).decode()
            session.command(f"AUTHENTICATE PLAIN {plain}")
        except BaseException:
            session.close()
            raise
        return session

    def command(self, text: str) -> list[bytes]:
        """Untagged answers, literals in place. Raises: ImapRefused"""
        self.send(f"a {text}\r\n".encode())
        answers = []
        while not (line := self.line()).startswith(b"a "):
            while literal := _LITERAL.search(line):
                line += b"\r\n" + self.exactly(int(literal[1])) + self.line()
            answers.append(line)
        if not line.startswith(b"a OK"):
            raise ImapRefused(f"{text.split()[0]}: {line.decode('utf-8', 'replace')}")
        return answers

    def count(self) -> int:
        """Messages that a client sees when it opens the INBOX.

        STATUS would be cheaper, but Dovecot answers it from the index and can stay one message behind for minutes.
        """
        found = _EXISTS.search(b"\n".join(self.command("EXAMINE INBOX")))
        if not found:
            raise ImapRefused("EXAMINE: no count in the answer")
        return int(found[1])

    def message_ids(self) -> list[str]:
        """Message-IDs of everything in the INBOX, a doubled message twice."""
        if not self.count():
            return []
        answers = self.command("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
        return [found[1].decode() for answer in answers if (found := _ID.search(answer))]

    def empty(self) -> None:
        """Removes every message of the INBOX."""
        if self.count():
            self.command("SELECT INBOX")
            self.command("UID STORE 1:* +FLAGS.SILENT (\\Deleted)")
            self.command("EXPUNGE")
