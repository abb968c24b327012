"""The HTTP side for tests and people, in JSON: read and clear what arrived, send, speak raw bytes, make faults."""

import base64
import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from outsidemx import dialogue, sending
from outsidemx.echo import Echo
from outsidemx.faults import Faults
from outsidemx.settings import API_PORT, SELECTOR, Settings
from outsidemx.store import Facts, Store

LONGEST_WAIT = 30.0
LARGEST_BODY = 128 * 1024 * 1024

Query = dict[str, str]


@dataclass(frozen=True)
class Parts:
    settings: Settings
    store: Store
    faults: Faults
    sender: sending.Sender
    echo: Echo
    public_key: str  # base64 of the SubjectPublicKeyInfo, what `p=` wants


class NotFound(Exception):
    pass


def selection(query: Query) -> Callable[[Facts], bool]:
    """Messages that a query asks for: recipient, sender (whole addresses), subject (a part of it), after (an id)."""

    def wanted(facts: Facts) -> bool:
        recipient = query.get("recipient")
        if recipient and recipient.lower() not in (address.lower() for address in facts["recipients"]):
            return False
        sender = query.get("sender")
        if sender is not None and sender.lower() != facts["sender"].lower():
            return False
        if query.get("after") and facts["id"] <= query["after"]:
            return False
        return query.get("subject", "") in facts["subject"]

    return wanted


def answer(parts: Parts, method: str, path: list[str], query: Query, body: bytes) -> Any:
    """Route one request. Bytes go out as they are, anything else as JSON."""
    match method, path:
        case "GET", ["health"]:
            return {"status": "ok"}
        case "GET", ["identity"]:
            settings = parts.settings
            return {
                "host": settings.host,
                "domains": settings.domains,
                "echo": settings.echo_address,
                "selector": SELECTOR,
                "public_key": parts.public_key,
            }
        case "GET", ["messages"]:
            wait = min(float(query.get("wait", 0)), LONGEST_WAIT)
            return parts.store.find(selection(query), wait)
        case "GET", ["messages", identifier, "raw"]:
            raw = parts.store.raw(identifier)
            if raw is None:
                raise NotFound(identifier)
            return raw
        case "DELETE", ["messages"]:
            return {"removed": parts.store.remove(selection(query))}
        case "POST", ["send"]:
            return _send(parts, json.loads(body))
        case "POST", ["inject"]:
            return dialogue.speak(parts.settings, json.loads(body))
        case "GET", ["faults"]:
            return parts.faults.list()
        case "POST", ["faults"]:
            return parts.faults.add(json.loads(body))
        case "DELETE", ["faults", *rest]:
            return {"removed": parts.faults.remove(rest[0] if rest else None)}
        case "GET", ["echoes"]:
            return parts.echo.outcomes
    raise NotFound("/".join(path))


def _send(parts: Parts, order: dict[str, Any]) -> list[dict[str, Any]]:
    outcomes = parts.sender.send(
        base64.b64decode(order["raw"]),
        str(order["sender"]),
        [str(recipient) for recipient in order["recipients"]],
        sign=order.get("sign", "auto"),
        helo=order.get("helo"),
        tls=bool(order.get("tls", True)),
        options=[str(option) for option in order.get("options", [])],
    )
    return sending.as_json(outcomes)


def server(parts: Parts) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
            length = int(self.headers.get("Content-Length", 0))
            if length > LARGEST_BODY:
                self._reply(413, {"error": "body too large"})
                return
            body = self.rfile.read(length)
            try:
                self._reply(200, answer(parts, self.command, url.path.strip("/").split("/"), query, body))
            except NotFound as error:
                self._reply(404, {"error": f"not found: {error}"})
            except (ValueError, TypeError, KeyError) as error:
                self._reply(400, {"error": f"{type(error).__name__}: {error}"})
            except OSError as error:
                self._reply(502, {"error": str(error)})

        do_GET = do_POST = do_DELETE = _handle

        def _reply(self, status: int, content: Any) -> None:
            raw = isinstance(content, bytes)
            data = content if raw else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "message/rfc822" if raw else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Long polls would fill the log; mail is what matters there."""

    return ThreadingHTTPServer(("0.0.0.0", API_PORT), Handler)
