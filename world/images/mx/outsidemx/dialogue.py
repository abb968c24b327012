"""Speaks raw bytes to a server inside the world, from a true outside address: for reply codes and smuggling."""

import base64
import socket
import ssl
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from typing import Any

from outsidemx import resolving
from outsidemx.sending import Step, unverified
from outsidemx.settings import Settings


@dataclass
class Answer:
    """What came back to one step."""

    replies: list[Step] = field(default_factory=list)
    closed: bool = False


class Line:
    """A connection that reads SMTP replies."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)

    def encrypt(self, name: str) -> None:
        self._connection = unverified().wrap_socket(self._connection, server_hostname=name)
        self._buffer = b""

    def wait_at_most(self, seconds: float) -> None:
        self._connection.settimeout(seconds)

    def reply(self, phase: str) -> Step:
        """One whole reply, continuation lines included. Raises EOFError, TimeoutError."""
        lines: list[str] = []
        while True:
            line = self._line()
            lines.append(line[4:])
            if line[3:4] != "-":
                return Step(phase, int(line[:3]), "\n".join(lines))

    def _line(self) -> str:
        while b"\n" not in self._buffer:
            piece = self._connection.recv(65536)
            if not piece:
                raise EOFError
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def close(self) -> None:
        self._connection.close()


def speak(settings: Settings, order: dict[str, Any]) -> list[dict[str, Any]]:
    """Carry out `steps` at `host`:`port`.

    A step is {"send": base64, "replies": how many to read, "starttls": bool, "wait": seconds}. The first reads the
    greeting when it sends nothing.

    Raises: ValueError for a place outside the world, OSError when there is no connection.
    """
    host = str(order["host"])
    address = host if _is_address(host) else next(iter(resolving.addresses(host)), "")
    if not address or not settings.holds(address):
        raise ValueError(f"{host} is not in the simulated internet")
    timeout = float(order.get("timeout", 20.0))
    connection = socket.create_connection((address, int(order.get("port", 25))), timeout=timeout)
    if order.get("tls"):
        connection = unverified().wrap_socket(connection, server_hostname=host)
    line = Line(connection)
    try:
        return [asdict(_step(line, step, host, timeout)) for step in order["steps"]]
    finally:
        line.close()


def _step(line: Line, step: dict[str, Any], host: str, timeout: float) -> Answer:
    answer = Answer()
    line.wait_at_most(float(step.get("wait", timeout)))
    try:
        data = base64.b64decode(step.get("send", ""))
        if data:
            line.write(data)
        for _ in range(int(step.get("replies", 1))):
            answer.replies.append(line.reply(data[:40].decode("ascii", "replace").strip()))
        if step.get("starttls"):
            line.encrypt(host)
    except TimeoutError:
        pass  # fewer replies than asked for is a finding, not a failure
    except (EOFError, ConnectionError, ssl.SSLError, BrokenPipeError):
        answer.closed = True
    return answer


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
