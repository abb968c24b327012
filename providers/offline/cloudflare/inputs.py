"""The inputs of `DnsRecord` that this plugin supports, checked, and compared with the recorded state.

Names are wire names (camelCase). A change of the zone replaces, everything else is one PUT (research: the official
provider, 6.23). Nothing, "", [] and false are the same, as there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from providers.shared.values import UNKNOWN

Values = dict[str, Any]
RECORD: Final = "cloudflare:index/dnsRecord:DnsRecord"
NUMBERS: Final = ("ttl", "priority")
TEXTS: Final = ("zoneId", "name", "type", "content", "comment")
DATA: Final[Mapping[str, type]] = {"priority": int, "weight": int, "port": int, "target": str}
SETTINGS: Final[Mapping[str, str]] = {
    "flattenCname": "flatten_cname", "ipv4Only": "ipv4_only", "ipv6Only": "ipv6_only",
}  # fmt: skip
"""Input → name in the API, each a boolean."""
KNOWN: Final = (*TEXTS, *NUMBERS, "data", "proxied", "tags", "settings")
REQUIRED: Final = ("zoneId", "name", "type", "ttl")
TYPES: Final = ("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT")
REPLACES: Final = ("zoneId",)


def problems(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Input and what is wrong with it, every one at once; never the value."""
    for key, value in inputs.items():
        if value is None or key.startswith("__") or value == UNKNOWN:
            continue
        if key not in KNOWN:
            known = ", ".join(KNOWN)
            yield key, f"the offline Cloudflare plugin implements {known} of DnsRecord; install the official plugin"
        elif key in TEXTS and not isinstance(value, str):
            yield key, f"`{key}` must be a string"
        elif key in NUMBERS and (not isinstance(value, int) or isinstance(value, bool)):
            yield key, f"`{key}` must be a whole number"
        elif key == "proxied" and not isinstance(value, bool):
            yield key, "`proxied` must be a boolean"
        elif key == "tags" and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            yield key, "`tags` must be a list of strings"
        elif key == "data":
            yield from _data_problems(value)
        elif key == "settings" and not (
            isinstance(value, Mapping) and all(k in SETTINGS and isinstance(v, bool) for k, v in given(value).items())
        ):
            yield key, f"`settings` must be an object of the booleans {', '.join(SETTINGS)}"
    for key in REQUIRED:
        if inputs.get(key) is None:
            yield key, f'Missing required property "{key}"'
    if inputs.get("type") not in (*TYPES, UNKNOWN, None):
        yield "type", f"the offline Cloudflare plugin implements {', '.join(TYPES)}"
    ttl = inputs.get("ttl")
    if isinstance(ttl, int) and ttl != 1 and not 30 <= ttl <= 86400:
        yield "ttl", "`ttl` must be 1 (automatic) or 60 to 86400 seconds (from 30 on in Enterprise zones)"
    if (inputs.get("content") is None) == (inputs.get("data") is None):
        yield "content", "exactly one of `content` and `data` is needed"


def _data_problems(value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        yield "data", "`data` must be an object"
        return
    for key, inner in value.items():
        if inner is None or inner == UNKNOWN or key.startswith("__"):
            continue
        if key not in DATA:
            yield f"data.{key}", f"the offline Cloudflare plugin implements {', '.join(DATA)} of `data` (SRV)"
        elif not isinstance(inner, DATA[key]) or isinstance(inner, bool):
            yield f"data.{key}", f"`data.{key}` must be a {'string' if DATA[key] is str else 'whole number'}"


def given(inputs: Mapping[str, Any]) -> Values:
    """Only what is set."""
    return {key: value for key, value in inputs.items() if value is not None and not key.startswith("__")}


def changed(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[str]:
    """The inputs that differ from the record as it was last seen."""
    return [key for key in KNOWN if not _same(key, state.get(key), inputs.get(key))]


def _same(key: str, old: Any, new: Any) -> bool:
    if key == "tags":
        return sorted(old or []) == sorted(new or [])
    if key == "data":
        return given(old or {}) == given(new or {})
    if key == "settings":
        return _on(old) == _on(new)
    if key == "name":
        return str(old).lower() == str(new).lower()
    return bool((old or None) == (new or None)) or old == new


def _on(settings: Any) -> Values:
    """What is not set is off."""
    return {key: value for key, value in given(settings or {}).items() if value}


def body(inputs: Mapping[str, Any]) -> Values:
    """A record as the API wants it written: the whole, since PUT replaces (with empty `settings` and `tags`)."""
    sent = {key: value for key, value in given(inputs).items() if key not in ("zoneId", "data", "settings")}
    if inputs.get("data"):
        sent["data"] = given(inputs["data"])
    settings = {SETTINGS[key]: value for key, value in given(inputs.get("settings") or {}).items()}
    return {"proxied": False, "settings": settings, "tags": [], **sent}


def live(zone_id: str, record: Mapping[str, Any]) -> Values:
    """The API's record as inputs; only what is set."""
    found: Values = {
        "zoneId": zone_id,
        "name": record["name"],
        "type": record["type"],
        "ttl": record["ttl"],
        "proxied": record.get("proxied") or None,
        "comment": record.get("comment") or None,
        "tags": list(record.get("tags") or ()) or None,
        "priority": record.get("priority"),
        "settings": {key: True for key, name in SETTINGS.items() if (record.get("settings") or {}).get(name)} or None,
    }
    if record.get("data"):
        found["data"] = {key: record["data"].get(key) for key in DATA if record["data"].get(key) is not None}
    else:
        found["content"] = record["content"]
    return given(found)


def outputs(inputs: Mapping[str, Any], record: Mapping[str, Any]) -> Values:
    """The state: the program's own spelling of its inputs, and what only the API knows."""
    only_there = {
        "content": record.get("content"),
        "proxied": bool(record.get("proxied")),
        "proxiable": record.get("proxiable"),
        "createdOn": record.get("created_on"),
        "modifiedOn": record.get("modified_on"),
    }
    return {**given(only_there), **given(inputs)}


def refreshed(recorded: Mapping[str, Any], found: Mapping[str, Any]) -> Values:
    """What was recorded, with the API's word where it means something else; what is gone there goes here, too."""
    kept = {key: value for key, value in recorded.items() if key not in KNOWN or _same(key, found.get(key), value)}
    differ = {key: value for key, value in found.items() if not _same(key, recorded.get(key), value)}
    return {**kept, **differ}
