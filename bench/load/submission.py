"""Authenticated submission on 465, with pipelining (RFC 2920), as mail programs do it."""

import base64
import ssl
from typing import Self

from bench.load.lines import LineConnection
from bench.target import Mailbox, Target


class Refused(OSError):
    """The server did not take a message or a login; its own words."""


class Submission(LineConnection):
    """One session, logged in."""

    @classmethod
    def login(cls, target: Target, mailbox: Mailbox, tls: ssl.SSLContext) -> Self:
        session = cls(target, 465, tls)
        try:
            session._expect(b"220")
            session.send(b"EHLO client.example\r\n")
            session._expect(b"250")
            plain = base64.b64encode(f"\0{mailbox.address}\0{mailbox.password}".encode())
            session.send(b"AUTH PLAIN " + plain + b"\r\n")
            session._expect(b"235")
        except BaseException:
            session.close()
            raise
        return session

    def message(self, sender: str, recipient: str, data: bytes) -> None:
        """`data` ends with CRLF and holds no line that begins with a dot. Raises: Refused"""
        self.send(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
        for code in (b"250", b"250", b"354"):
            self._expect(code)
        self.send(data + b".\r\n")
        self._expect(b"250")

    def quit(self) -> None:
        self.send(b"QUIT\r\n")
        self._expect(b"221")
        self.close()

    def _expect(self, code: bytes) -> None:
        while (line := self.line())[3:4] == b"-":
            pass
        if line[:3] != code:
            raise Refused(line.decode("utf-8", "replace"))
