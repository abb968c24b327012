"""A provider's HTTP API as the tests play it: on a loopback port, with a journal, and faults on demand."""

import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, Any]
Kind = Literal["status", "slow", "late", "torn before", "torn after"]
"""`slow` waits before the effect, `late` after it."""


@dataclass
class Fault:
    """What the next `times` requests of a method (None: any) meet instead of, or after, their effect."""

    kind: Kind
    status: int = 500
    method: str | None = None
    times: int = 1
    retry_after: str | None = None
    seconds: float = 1.0
    skip: int = 0
    """How many matching requests pass before."""


@dataclass(frozen=True)
class Request:
    """One line of the journal."""

    method: str
    path: str
    body: Any = None

    @property
    def writes(self) -> bool:
        return self.method != "GET"


@dataclass
class FaultyServer(ABC):
    """Subclasses answer; `url` is where. A context manager: closed at the end, after a failure too."""

    journal: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def writes(self) -> list[Request]:
        """Requests that could change something, since the journal was last cleared."""
        return [request for request in self.journal if request.writes]

    @abstractmethod
    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any, headers: Mapping[str, str]) -> Answer:
        """Status and JSON."""

    @abstractmethod
    def failure(self, status: int) -> Any:
        """The JSON of an injected failure."""

    def next_fault(self, method: str) -> Fault | None:
        """The fault that this request meets; counted down."""
        with self.lock:
            for fault in self.faults:
                if fault.times and fault.method in (None, method):
                    if fault.skip:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None


def _handler(api: FaultyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Silent: the journal is the log."""

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            body = json.loads(raw) if raw else None
            parts = urlsplit(self.path)
            fault = api.next_fault(self.command)
            api.journal.append(Request(self.command, parts.path, body))
            if fault and fault.kind == "torn before":
                return self._tear()
            if fault and fault.kind == "status":
                return self._send(fault.status, api.failure(fault.status), fault.retry_after)
            if fault and fault.kind == "slow":
                time.sleep(fault.seconds)
            query = dict(parse_qsl(parts.query))
            with api.lock:
                status, answer = api.answer(self.command, parts.path, query, body, dict(self.headers))
            if fault and fault.kind == "late":
                time.sleep(fault.seconds)
            if fault and fault.kind == "torn after":
                return self._tear()
            return self._send(status, answer, None)

        def _tear(self) -> None:
            self.close_connection = True
            self.connection.close()

        def _send(self, status: int, answer: Any, retry_after: str | None) -> None:
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if retry_after is not None:
                self.send_header("Retry-After", retry_after)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, ValueError):
                self.close_connection = True

    return Handler
