"""Check: refuse what is not implemented or wrong, fill in the official defaults, give a name where none is set.

A message names the type, the input and the rule, never the value: it may be secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from providers.shared.values import DEFAULTS, UNKNOWN, has_unknown

from .inputs import AUTO_NAMED, PROVIDER, RESOURCES, Input

_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL", "__internal", DEFAULTS})
"""What the Pulumi engine itself puts beside a provider's configuration."""


@dataclass(frozen=True)
class Problem:
    """One refused input: `path` as Pulumi writes it (`uploads[0].file`), `reason` one sentence."""

    path: str
    reason: str


def check_resource(
    type_: str, urn_name: str, old: Mapping[str, Any], new: Mapping[str, Any], seed: bytes
) -> tuple[dict[str, Any], list[Problem]]:
    """The inputs with defaults (`DEFAULTS` lists which), and every problem at once."""
    table = RESOURCES.get(type_)
    if table is None:
        known = ", ".join(sorted(RESOURCES))
        return {}, [Problem("", f"the offline Docker plugin does not implement {type_}; it implements {known}")]
    given = {key: value for key, value in new.items() if value is not None and key != DEFAULTS}
    if type_ in AUTO_NAMED and "name" not in given:
        given["name"] = _automatic_name(urn_name, old, seed)
        named = ["name"]
    else:
        named = []
    problems = list(_problems(_short(type_), table, given))
    checked = _with_defaults(table, given)
    checked[DEFAULTS] = sorted([*checked[DEFAULTS], *named])
    if type_.endswith(":Container"):
        problems += _container_problems(checked)
    return checked, problems


def check_provider(new: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The provider's configuration; anything but an engine address is refused."""
    kept = {key: value for key, value in new.items() if value is not None}
    # The Pulumi engine hands every value of a provider over as JSON text.
    given = {key: _from_text(value) for key, value in kept.items() if key not in _ENGINE_KEYS}
    return kept, list(_problems("Provider", PROVIDER, given))


def _from_text(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _short(type_: str) -> str:
    return type_.rpartition(":")[2]


def _automatic_name(urn_name: str, old: Mapping[str, Any], seed: bytes) -> str:
    if "name" in old.get(DEFAULTS, ()) and isinstance(old.get("name"), str):
        return str(old["name"])
    return f"{urn_name}-{hashlib.sha256(seed + urn_name.encode()).hexdigest()[:7]}"


def _with_defaults(table: Mapping[str, Input], given: Mapping[str, Any]) -> dict[str, Any]:
    filled = {
        key: _nested_defaults(table[key], value) if key in table else value
        for key, value in given.items()
        if key != DEFAULTS
    }
    added = sorted(key for key, item in table.items() if item.default is not None and key not in filled)
    filled.update({key: table[key].default for key in added})
    filled[DEFAULTS] = added
    return filled


def _nested_defaults(item: Input, value: Any) -> Any:
    if not item.fields or value == UNKNOWN:
        return value
    if isinstance(value, Mapping):
        return _with_defaults(item.fields, {key: inner for key, inner in value.items() if inner is not None})
    if isinstance(value, list):
        return [_nested_defaults(item, entry) for entry in value]
    return value


def _problems(where: str, table: Mapping[str, Input], given: Mapping[str, Any], prefix: str = "") -> Iterator[Problem]:
    for key, value in given.items():
        if key == DEFAULTS or value is None:
            continue
        path = f"{prefix}{key}"
        item = table.get(key)
        if item is None:
            yield Problem(
                path,
                f'Invalid or unknown key "{key}": {where} of the offline Docker plugin implements '
                f"{', '.join(sorted(table))}; remove it, or install the official docker plugin if it knows the key",
            )
        elif value != UNKNOWN:
            yield from _value_problems(where, path, item, value)
    for key, item in table.items():
        if item.required and given.get(key) is None:
            yield Problem(f"{prefix}{key}", f'{where}: Missing required property "{key}"')


def _value_problems(where: str, path: str, item: Input, value: Any) -> Iterator[Problem]:
    if item.kind in ("list", "set"):
        yield from _texts_problems(where, path, item, value)
    elif item.kind == "map":
        if not isinstance(value, Mapping):
            yield Problem(path, f"{where} `{path}` must be a map of strings")
        elif not all(isinstance(inner, str) for inner in value.values()):
            yield Problem(path, f"{where} `{path}`: every value must be a string")
    elif item.kind == "object":
        if isinstance(value, Mapping):
            yield from _problems(f"{where}.{path}", item.fields, value, f"{path}.")
        else:
            yield Problem(path, f"{where} `{path}` must be an object")
    elif item.kind == "objects":
        yield from _objects_problems(where, path, item, value)
    else:
        yield from _scalar_problems(where, path, item, value)


def _texts_problems(where: str, path: str, item: Input, value: Any) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(path, f"{where} `{path}` must be a list of strings")
        return
    for index, inner in enumerate(value):
        if inner is not None and not isinstance(inner, str):
            yield Problem(f"{path}[{index}]", f"{where} `{path}[{index}]` must be a string")
        elif item.pattern and inner != UNKNOWN and not re.fullmatch(item.pattern, inner or "", re.DOTALL):
            yield Problem(f"{path}[{index}]", f"{where} `{path}[{index}]` does not have the form {item.pattern}")


def _objects_problems(where: str, path: str, item: Input, value: Any) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(path, f"{where} `{path}` must be a list of objects")
        return
    seen: set[tuple[str, ...]] = set()
    for index, entry in enumerate(value):
        at = f"{path}[{index}]"
        if entry == UNKNOWN:
            continue
        if not isinstance(entry, Mapping):
            yield Problem(at, f"{where} `{at}` must be an object")
            continue
        yield from _problems(f"{where}.{path}", item.fields, entry, f"{at}.")
        identity = tuple(str(entry.get(part, item.fields[part].default)) for part in item.key)
        if not has_unknown(identity) and identity in seen:
            yield Problem(at, f"{where} `{at}` repeats the {' and '.join(item.key)} of an earlier entry")
        seen.add(identity)


def _scalar_problems(where: str, path: str, item: Input, value: Any) -> Iterator[Problem]:
    expected = {"string": str, "integer": int, "boolean": bool}[item.kind]
    right_type = isinstance(value, expected) and (item.kind == "boolean" or not isinstance(value, bool))
    if not right_type:
        article = "an" if item.kind == "integer" else "a"
        yield Problem(path, f"{where} `{path}` must be {article} {item.kind}")
    elif item.only and value not in item.only:
        allowed = ", ".join(str(one).lower() if isinstance(one, bool) else str(one) for one in item.only)
        yield Problem(path, f"{where} `{path}`: the offline Docker plugin implements only {allowed}")
    elif item.pattern and not re.fullmatch(item.pattern, value):
        yield Problem(path, f"{where} `{path}` does not have the form {item.pattern}")
    elif item.least is not None and value < item.least:
        yield Problem(path, f"{where} `{path}` must be at least {item.least}")


def _container_problems(inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """Rules between inputs, which the official plugin reports only while it creates."""
    for index, upload in enumerate(inputs["uploads"] if isinstance(inputs.get("uploads"), list) else ()):
        if not isinstance(upload, Mapping):
            continue
        at = f"uploads[{index}]"
        contents = [upload[key] for key in ("content", "contentBase64") if upload.get(key)]
        if len(contents) != 1:
            yield Problem(at, f"Container `{at}` needs exactly one of content and contentBase64, and not an empty one")
        elif upload.get("contentBase64") and not _is_base64(upload["contentBase64"]):
            yield Problem(f"{at}.contentBase64", f"Container `{at}.contentBase64` is not base64")
    for index, volume in enumerate(inputs["volumes"] if isinstance(inputs.get("volumes"), list) else ()):
        if isinstance(volume, Mapping) and volume.get("volumeName") and volume.get("hostPath"):
            yield Problem(f"volumes[{index}]", f"Container `volumes[{index}]`: set volumeName or hostPath, not both")
    if inputs.get("wait") is True and inputs.get("start") is False:
        yield Problem("wait", "Container `wait` needs `start`: a container that is not started never becomes healthy")


def _is_base64(text: Any) -> bool:
    if text == UNKNOWN or not isinstance(text, str):
        return True
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
