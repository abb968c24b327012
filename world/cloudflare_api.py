"""Cloudflare's v4 API as the tests play it: zones with records, tokens with rights, the real API's refusals."""

import copy
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from world.faulty_server import Answer, FaultyServer

Record = dict[str, Any]
WHEN = "2026-11-01T00:00:00.000000Z"
_WRITTEN = ("name", "type", "content", "ttl", "proxied", "priority", "data", "comment", "tags", "settings")
_FAILURES = {
    401: (10000, "Authentication error"),
    403: (10000, "Authentication error"),
    404: (81044, "Record does not exist."),
    429: (971, "Please wait and consider throttling your request speed"),
}


@dataclass
class Token:
    """What a token may do; zones are named by id."""

    zones: frozenset[str]
    edit: bool = True


@dataclass
class CloudflareApi(FaultyServer):
    """`zones` maps an id to a zone's name, `records` an id to its records."""

    zones: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    records: dict[str, dict[str, Record]] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return f"{self.url}/client/v4"

    def zone(self, name: str, records: Iterable[Mapping[str, Any]] = ()) -> str:
        """A new zone with records as an owner has entered them. Its id."""
        zone_id = secrets.token_hex(16)
        self.zones[zone_id] = name
        self.records[zone_id] = {}
        for record in records:
            made = self._made(zone_id, dict(record))
            self.records[zone_id][made["id"]] = made
        return zone_id

    def token(self, *zones: str, edit: bool = True) -> str:
        token = secrets.token_urlsafe(30)
        self.tokens[token] = Token(frozenset(zones), edit)
        return token

    def snapshot(self, zone_id: str, *, ids: bool = False) -> list[Record]:
        """What the zone holds, sorted, without what changes with every write (and without ids)."""
        hidden = {"modified_on", "created_on", "comment_modified_on", *(() if ids else ("id",))}
        plain = [
            {key: value for key, value in record.items() if key not in hidden}
            for record in self.records[zone_id].values()
        ]
        return copy.deepcopy(sorted(plain, key=repr))

    def failure(self, status: int) -> Any:
        return _bad(*_FAILURES.get(status, (0, "failure")))

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any, headers: Mapping[str, str]) -> Answer:
        token = self.tokens.get((headers.get("Authorization") or "").removeprefix("Bearer "))
        if token is None:
            return 401, _bad(10000, "Authentication error")
        path = path.removeprefix("/client/v4")
        if path == "/user/tokens/verify":
            return 200, _good({"id": "0" * 32, "status": "active"})
        if path == "/zones":
            found = [
                self._zone(z, token)
                for z, n in self.zones.items()
                if z in token.zones and query.get("name") in (None, n)
            ]
            return 200, _page(found, query)
        parts = re.fullmatch(r"/zones/([0-9a-f]{32})(/dns_records(?:/([0-9a-f]{32}))?)?", path)
        if parts is None or parts[1] not in self.zones:
            return 404, _bad(7003, "Could not route to the path, perhaps your object identifier is invalid?")
        if parts[1] not in token.zones or (method != "GET" and not token.edit):
            return 403, _bad(10000, "Authentication error")
        if parts[2] is None:
            return 200, _good(self._zone(parts[1], token))
        return self._records(method, parts[1], parts[3], query, body)

    def _zone(self, zone_id: str, token: Token) -> Record:
        rights = ["#zone:read", "#dns_records:read", *(["#dns_records:edit"] if token.edit else [])]
        return {"id": zone_id, "name": self.zones[zone_id], "status": "active", "permissions": rights}

    def _records(self, method: str, zone_id: str, id_: str | None, query: Mapping[str, str], body: Any) -> Answer:
        held = self.records[zone_id]
        if id_ is None and method == "GET":
            wanted = {key: query[key].lower() for key in ("name", "type") if key in query}
            found = [r for r in held.values() if all(str(r[key]).lower() == value for key, value in wanted.items())]
            return 200, _page(found, query)
        if id_ is not None and id_ not in held:
            return 404, _bad(81044, "Record does not exist.")
        if method == "GET" and id_ is not None:
            return 200, _good(held[id_])
        if method == "DELETE" and id_ is not None:
            del held[id_]
            return 200, _good({"id": id_})
        written = {**held[id_], **body} if method == "PATCH" and id_ else dict(body)
        if refusal := self._refusal(zone_id, id_, written):
            return 400, refusal
        made = self._made(zone_id, written, id_)
        held[made["id"]] = made
        return 200, _good(made)

    def _refusal(self, zone_id: str, id_: str | None, body: Record) -> Any:
        for key in ("name", "type", "ttl"):
            if body.get(key) is None:
                return _bad(9005, f"DNS record has no {key}.")
        if body["ttl"] != 1 and not 60 <= body["ttl"] <= 86400:
            return _bad(9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.")
        if body["type"] == "MX" and body.get("priority") is None:
            return _bad(9101, "priority is a required field for MX records.")
        made = self._made(zone_id, body, id_ or "new")
        others = [r for key, r in self.records[zone_id].items() if key != id_ and r["name"] == made["name"]]
        if any(r["type"] == made["type"] and r["content"] == made["content"] for r in others):
            return _bad(81058, "An identical record already exists.")
        if others and (made["type"] == "CNAME" or any(r["type"] == "CNAME" for r in others)):
            return _bad(81053, "An A, AAAA, or CNAME record with that host already exists.")
        return None

    def _made(self, zone_id: str, body: Record, id_: str | None = None) -> Record:
        kept = {key: body[key] for key in _WRITTEN if body.get(key) is not None}
        name = str(kept["name"]).lower().rstrip(".")
        zone = self.zones[zone_id]
        if name in ("@", zone):
            name = zone
        elif not name.endswith(f".{zone}"):
            name = f"{name}.{zone}"
        if kept["type"] == "SRV":
            data = kept["data"]
            kept["content"] = f"{data['weight']} {data['port']} {str(data['target']).rstrip('.') or '.'}"
            kept["priority"] = data["priority"]
        if kept["type"] in ("CNAME", "MX", "NS") and kept["content"] != ".":
            kept["content"] = kept["content"].rstrip(".")
        base: Record = {"proxied": False, "comment": None, "tags": [], "settings": {}, "meta": {}}
        return {
            **base, **kept, "id": id_ or secrets.token_hex(16), "name": name,
            "proxiable": kept["type"] in ("A", "AAAA", "CNAME"), "created_on": WHEN, "modified_on": WHEN,
        }  # fmt: skip


def _good(result: Any) -> Any:
    return {"success": True, "errors": [], "messages": [], "result": result}


def _bad(code: int, message: str) -> Any:
    return {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}


def _page(found: list[Any], query: Mapping[str, str]) -> Any:
    size, page = int(query.get("per_page", "100")), int(query.get("page", "1"))
    shown = found[(page - 1) * size : page * size]
    pages = -(-len(found) // size)
    info = {"page": page, "per_page": size, "count": len(shown), "total_count": len(found), "total_pages": pages}
    return {**_good(shown), "result_info": info}
