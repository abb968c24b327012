"""Records in GoDaddy's form, and back (API v1): sets by name and type, TXT as one bare string, names relative.

An SRV's service and protocol are fields of their own beside the name, so all SRV of one host are one set.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mailtenant.dns.records import Record
from mailtenant.settings.existing import ExistingRecord

Value = dict[str, Any]
SetName = tuple[str, str]
"""Name relative to the zone (`@` is the zone itself) and type."""

WRITTEN = ("A", "AAAA", "CNAME", "MX", "SRV", "TXT")
"""Types of the sets that we may write."""

LONGEST_TEXT = 1024
"""Characters of a TXT's value that GoDaddy's API takes."""


class GodaddyFormError(ValueError):
    """A record that GoDaddy cannot hold, with the way out."""


def godaddy_sets(
    records: Iterable[Record | ExistingRecord], zone: str, held: Iterable[ExistingRecord] = ()
) -> Mapping[SetName, Sequence[Value]]:
    """The sets of a zone, each in the order of the records. What equals a record that is there already (`held`) keeps
    GoDaddy's own spelling of it.

    Raises: GodaddyFormError, for a TXT that is too long.
    """
    sets: dict[SetName, list[Value]] = {}
    spelled = {(one.name, one.type, one.value): one.raw["data"] for one in held if "data" in one.raw}
    for record in records:
        name, value = godaddy_value(record.name, record.type, record.value, record.ttl, zone)
        value["data"] = spelled.get((record.name, record.type, record.value), value["data"])
        sets.setdefault((name, record.type), []).append(value)
    return sets


def godaddy_value(name: str, type_: str, value: str, ttl: int, zone: str) -> tuple[str, Value]:
    """The set's name, and one of its values with its TTL (s)."""
    relative = _relative(name, zone)
    if type_ == "MX":
        preference, _, target = value.partition(" ")
        return relative, {"data": target, "priority": int(preference), "ttl": ttl}
    if type_ == "SRV":
        priority, weight, port, target = value.split(" ")
        service, protocol, *rest = relative.split(".")
        numbers = {"priority": int(priority), "weight": int(weight), "port": int(port)}
        fields: Value = {"data": target, **numbers, "service": service, "protocol": protocol, "ttl": ttl}
        return ".".join(rest) or "@", fields
    if type_ == "TXT" and len(value) > LONGEST_TEXT:
        raise GodaddyFormError(
            f"{name} TXT has {len(value)} characters, GoDaddy takes {LONGEST_TEXT}: set `dkim_mode: cname` for the "
            "domain, or a shorter key"
        )
    return relative, {"data": value, "ttl": ttl}


def plain(name: str, type_: str, value: Mapping[str, Any], zone: str) -> tuple[str, str]:
    """The absolute name and the plain value (`Record.value`) of one value of a set."""
    data = str(value["data"])
    target = data if data == "." else data.rstrip(".")
    if type_ == "SRV":
        name = f"{value['service']}.{value['protocol']}" + ("" if name == "@" else f".{name}")
        text = f"{value['priority']} {value['weight']} {value['port']} {target}"
    elif type_ == "MX":
        text = f"{value['priority']} {zone if data == '@' else target}"
    elif type_ in ("CNAME", "NS"):
        text = zone if data == "@" else target
    else:
        text = data
    return (zone if name == "@" else f"{name}.{zone}").lower(), text


def godaddy_existing(found: Mapping[str, Any], zone: str) -> ExistingRecord:
    """A record of the API's list as the snapshot holds it."""
    name, value = plain(found["name"], found["type"], found, zone)
    ttl = max(int(found["ttl"]), 1)
    record = ExistingRecord.model_validate({"name": name, "type": found["type"], "value": value, "ttl": ttl})
    if found["type"] not in WRITTEN or godaddy_value(name, record.type, value, ttl, zone)[1]["data"] == found["data"]:
        return record
    return record.model_copy(update={"raw": {"data": found["data"]}})


def _relative(name: str, zone: str) -> str:
    return "@" if name == zone else name.removesuffix(f".{zone}")
