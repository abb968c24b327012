"""The little of ManageSieve (RFC 5804) that a login needs."""

import re
import socket
import ssl

_LITERAL = re.compile(rb"\{(\d+)\+?\}$")


class SieveError(Exception):
    """The server answered NO or BYE; its words."""


class SieveClient:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        self.capabilities: dict[str, str] = {}

    def greeting(self) -> None:
        """Reads the capabilities that the server begins with, and again after STARTTLS."""
        self.capabilities = {}
        for line in self._response():
            name, _, value = line.partition(" ")
            self.capabilities[name.strip('"').upper()] = value.strip().strip('"')

    def starttls(self, context: ssl.SSLContext, host: str) -> None:
        self._connection.sendall(b"STARTTLS\r\n")
        self._response()
        # Whatever came before the handshake was not protected by it.
        self._buffer = b""
        self._connection = context.wrap_socket(self._connection, server_hostname=host)
        self.greeting()

    def authenticate_plain(self, token: str) -> None:
        """Raises: SieveError, if the login is refused."""
        self._connection.sendall(f'AUTHENTICATE "PLAIN" "{token}"\r\n'.encode("ascii"))
        self._response()

    def tls_version(self) -> str | None:
        return self._connection.version() if isinstance(self._connection, ssl.SSLSocket) else None

    def certificate(self) -> dict[str, object]:
        found = self._connection.getpeercert() if isinstance(self._connection, ssl.SSLSocket) else None
        return dict(found or {})

    def close(self) -> None:
        self._connection.close()

    def _response(self) -> list[str]:
        """The lines before OK. Raises: SieveError for NO and BYE."""
        lines: list[str] = []
        while True:
            line = self._line()
            word = line.split(" ", 1)[0].upper()
            if word == "OK":
                return lines
            if word in ("NO", "BYE"):
                raise SieveError(line)
            lines.append(line)

    def _line(self) -> str:
        line = self._until_newline()
        literal = _LITERAL.search(line)
        if literal:  # A string of that many octets follows, and then the rest of the line.
            size = int(literal[1])
            while len(self._buffer) < size:
                self._receive()
            text, self._buffer = self._buffer[:size], self._buffer[size:]
            line = line[: literal.start()] + text + self._until_newline()
        return line.decode("utf-8", "replace")

    def _until_newline(self) -> bytes:
        while b"\n" not in self._buffer:
            self._receive()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def _receive(self) -> None:
        piece = self._connection.recv(8192)
        if not piece:
            raise EOFError("the server hung up")
        self._buffer += piece
