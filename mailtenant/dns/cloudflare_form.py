"""Records in Cloudflare's form, and back (API v4, and `DnsRecord` of its Pulumi provider).

A TXT is written as quoted character-strings separated by a space: unquoted text comes back quoted, and would be a
change at every preview for ever. Targets have no trailing dot, for the same reason.
"""

from collections.abc import Mapping
from typing import Any

from dns.exception import DNSException

from mailtenant.dns.presentation import quoted, unquoted
from mailtenant.dns.records import Record
from mailtenant.settings.existing import ExistingRecord

Form = dict[str, Any]


def cloudflare_form(record: Record) -> Form:
    """The arguments of a `DnsRecord`, snake case, without the zone: name, type, ttl, proxied, and content or data."""
    form: Form = {"name": record.name, "type": record.type, "ttl": record.ttl, "proxied": False}
    if record.type == "TXT":
        return form | {"content": quoted(record.value)}
    if record.type == "MX":
        preference, _, target = record.value.partition(" ")
        return form | {"content": target, "priority": int(preference)}
    if record.type == "SRV":
        priority, weight, port, target = record.value.split(" ")
        data = {"priority": int(priority), "weight": int(weight), "port": int(port), "target": target}
        return form | {"data": data, "priority": int(priority)}
    return form | {"content": record.value}


def kept_form(record: Record, before: ExistingRecord) -> Form:
    """A record whose value is the adopted one's: everything as it was at Cloudflare, but for the TTL."""
    return {"proxied": False, **before.raw, "name": record.name, "type": record.type, "ttl": record.ttl}


def cloudflare_existing(found: Mapping[str, Any]) -> ExistingRecord:
    """A record of the API's list as the snapshot holds it; `raw` is what gives back the very same record."""
    raw = {key: found[key] for key in ("proxied", "comment", "tags", "priority") if found.get(key)}
    if found.get("priority") == 0:
        raw["priority"] = 0
    if switched := {key: True for key, on in (found.get("settings") or {}).items() if on is True}:
        raw["settings"] = switched
    if found["type"] == "SRV" and found.get("data"):
        raw["data"] = {key: found["data"][key] for key in ("priority", "weight", "port", "target")}
    else:
        raw["content"] = found["content"]
    return ExistingRecord.model_validate(
        {
            "name": found["name"].lower().rstrip("."),
            "type": found["type"],
            "value": plain(found),
            "ttl": int(found["ttl"]),
            "id": found["id"],
            "raw": raw,
        }
    )


def plain(found: Mapping[str, Any]) -> str:
    """The value in the plain form of `Record.value`. `found` is an API record, or a `cloudflare_form`."""
    type_ = found["type"]
    if type_ == "TXT":
        # Cloudflare shows old records without quotes, as they were entered.
        content = str(found["content"])
        try:
            return unquoted(content) if content.startswith('"') else content
        except DNSException:
            return content  # somebody's, and no presentation form: its text is what it is
    if type_ == "MX":
        return f"{int(found['priority'])} {_target(found['content'])}"
    if type_ == "SRV" and found.get("data"):
        data = found["data"]
        return f"{int(data['priority'])} {int(data['weight'])} {int(data['port'])} {_target(data['target'])}"
    return _target(found["content"]) if type_ in ("CNAME", "NS", "PTR") else str(found["content"])


def _target(name: str) -> str:
    return name if name == "." else name.rstrip(".")
