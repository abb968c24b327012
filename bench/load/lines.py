"""Lines over TLS, as SMTP and IMAP need them: one socket, one buffer, no copies that the protocol does not ask for."""

import socket
import ssl
from types import TracebackType
from typing import Self

from bench.target import Target

SECONDS = 60.0


class LineConnection:
    """A TLS connection from a loopback address; the certificate is checked against the target's host name."""

    def __init__(self, target: Target, port: int, tls: ssl.SSLContext) -> None:
        plain = socket.create_connection((target.address, port), timeout=SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket = tls.wrap_socket(plain, server_hostname=target.host)
        except OSError:
            plain.close()
            raise
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def line(self) -> bytes:
        """The next line, without its end. Raises: ConnectionError when the server hangs up."""
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._fill()
        found, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return found

    def exactly(self, octets: int) -> bytes:
        """The next octets (an IMAP literal)."""
        while len(self._buffer) < octets:
            self._fill()
        found, self._buffer = self._buffer[:octets], self._buffer[octets:]
        return found

    def _fill(self) -> None:
        received = self._socket.recv(65536)
        if not received:
            raise ConnectionError(f"the server hung up after {self._buffer[:200]!r}")
        self._buffer += received

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
