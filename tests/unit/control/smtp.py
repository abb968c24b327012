"""A receiving SMTP server in this process that keeps what it accepted, or answers as it is told."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Relay:
    """`answer` for RCPT and `data_answer` for DATA; None: accepted. `taken`: recipient and octets of each mail."""

    port: int = 0
    answer: str | None = None
    data_answer: str | None = None
    taken: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.answer:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data_answer:
            return self.data_answer
        self.taken += [(recipient, bytes(envelope.content)) for recipient in envelope.rcpt_tos]
        return "250 OK"


@contextmanager
def relay() -> Iterator[Relay]:
    made = Relay()
    with socket.create_server(("127.0.0.1", 0)) as free:
        made.port = free.getsockname()[1]
    controller = Controller(made, hostname="127.0.0.1", port=made.port)
    controller.start()
    try:
        yield made
    finally:
        controller.stop()
