"""GoDaddy's API v1 as the tests play it: domains with record sets, keys, the real API's refusals."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from world.faulty_server import Answer, FaultyServer

Record = dict[str, Any]
_CODES = {
    401: ("UNABLE_TO_AUTHENTICATE", "Unauthorized : Could not authenticate API key/secret"),
    403: ("ACCESS_DENIED", "Authenticated user is not allowed access"),
    404: ("NOT_FOUND", "Not found"),
    422: ("INVALID_BODY", "Request body doesn't fulfill schema"),
    429: ("TOO_MANY_REQUESTS", "Too many requests received within interval"),
}


@dataclass
class GodaddyApi(FaultyServer):
    """`domains` maps a domain to its records, in order; `keys` maps a key to its secret."""

    domains: dict[str, list[Record]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def domain(self, name: str, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self.domains[name] = [dict(record) for record in records]

    def snapshot(self, domain: str) -> list[Record]:
        """What the domain holds: sets sorted by name and type, each in its own order."""
        return copy.deepcopy(sorted(self.domains[domain], key=lambda record: (record["name"], record["type"])))

    def failure(self, status: int) -> Any:
        code, message = _CODES.get(status, ("INTERNAL_SERVER_ERROR", "Internal server error"))
        return {"code": code, "message": message}

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any, headers: Mapping[str, str]) -> Answer:
        key, _, secret = (headers.get("Authorization") or "").removeprefix("sso-key ").partition(":")
        if self.keys.get(key) != secret:
            return 401, self.failure(401)
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if parts[:2] != ["v1", "domains"] or len(parts) < 3:
            return 404, self.failure(404)
        if parts[2] not in self.domains:
            return 404, {"code": "UNKNOWN_DOMAIN", "message": f"The given domain is not registered: {parts[2]}"}
        if len(parts) == 3:
            return 200, {"domain": parts[2], "status": "ACTIVE"}
        return self._records(method, parts[2], parts[4:], body)

    def _records(self, method: str, domain: str, where: list[str], body: Any) -> Answer:
        held = self.domains[domain]
        wanted = dict(zip(("type", "name"), where, strict=False))
        found = [record for record in held if all(record[key] == value for key, value in wanted.items())]
        if method == "GET":
            return 200, found
        if method == "DELETE" and len(where) == 2:
            self.domains[domain] = [record for record in held if record not in found]
            return (204, None) if found else (404, self.failure(404))
        if method not in ("PUT", "PATCH"):
            return 404, self.failure(404)
        new = [{**record, **wanted} for record in body] if isinstance(body, list) else []
        if problem := _problem(new, held if method == "PATCH" else []):
            return 422, {"code": "INVALID_BODY", "message": problem}
        kept = held if method == "PATCH" else [record for record in held if record not in found]
        self.domains[domain] = [*kept, *new]
        return 200, None


def _problem(new: list[Record], held: list[Record]) -> str:
    if not new:
        return "at least one record is needed"
    for record in new:
        if not record.get("data") or not isinstance(record.get("ttl"), int) or record["ttl"] < 600:
            return "data is missing, or ttl is less than 600"
        if record["type"] in ("MX", "SRV") and not isinstance(record.get("priority"), int):
            return "priority is missing"
        parts = all(record.get(key) for key in ("service", "protocol", "port"))
        if record["type"] == "SRV" and not parts and record["data"] != ".":
            return "service, protocol or port is missing"
        if record["type"] == "TXT" and len(record["data"]) > 1024:
            return "data is too long"
    every = [{key: str(value) for key, value in record.items() if key != "ttl"} for record in (*held, *new)]
    whole = [tuple(sorted(record.items())) for record in every]
    return "a record is there twice" if len(set(whole)) < len(whole) else ""
