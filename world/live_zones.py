"""Cloudflare's API as the tests play it, its zones served by the world's name server: what is written there is what
every resolver in the world sees a moment later. A person who enters records by hand is `World.publish_zone` itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from world.cloudflare_api import CloudflareApi, Record
from world.faulty_server import Answer
from world.zones import TTL, quoted

Publish = Callable[[str, Sequence[str]], None]


def _nowhere(_: str, __: Sequence[str]) -> None:
    """Before a world is connected."""


@dataclass
class LiveCloudflare(CloudflareApi):
    """`publish` takes a zone's name and its lines: `World.publish_zone`."""

    publish: Publish = field(default=_nowhere)

    def adopt(self, name: str, lines: Iterable[str]) -> str:
        """A zone that an owner keeps at Cloudflare, as the world serves it now. Its id."""
        return self.zone(name, [_record(name, line) for line in lines])

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any, headers: Mapping[str, str]) -> Answer:
        status, answer = super().answer(method, path, query, body, headers)
        zone_id = path.partition("/zones/")[2].partition("/")[0]
        if method != "GET" and status == 200 and zone_id in self.zones:
            self.publish(self.zones[zone_id], zone_lines(self.records[zone_id].values()))
        return status, answer


def zone_lines(records: Iterable[Record]) -> list[str]:
    """Records as lines of a zone file, in an order of their own."""
    return sorted(f"{r['name']}. {TTL if r['ttl'] == 1 else r['ttl']} {r['type']} {_data(r)}" for r in records)


def _data(record: Record) -> str:
    content = str(record["content"])
    match record["type"]:
        case "TXT":
            return content if content.startswith('"') else quoted(content)
        case "MX":
            return f"{record['priority']} {_absolute(content)}"
        case "SRV":
            weight, port, target = content.split()
            return f"{record['priority']} {weight} {port} {_absolute(target)}"
        case "CNAME" | "NS":
            return _absolute(content)
        case _:
            return content


def _absolute(name: str) -> str:
    return f"{name.rstrip('.')}."


def _record(zone: str, line: str) -> Record:
    """A line of `World.zones()`: `NAME [TTL] TYPE DATA`."""
    name, *rest = line.split(" ")
    ttl = int(rest.pop(0)) if rest[0].isdigit() else TTL
    kind, data = rest[0], " ".join(rest[1:])
    full = zone if name == "@" else name.rstrip(".") if name.endswith(".") else f"{name}.{zone}"
    record: Record = {"name": full, "type": kind, "ttl": ttl, "content": data}
    if kind == "MX":
        priority, _, host = data.partition(" ")
        record |= {"priority": int(priority), "content": host.rstrip(".")}
    elif kind == "TXT":
        record["content"] = data if data.count('"') > 2 else data.strip('"')
    return record
