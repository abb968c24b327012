"""Diff: the recorded state against the checked inputs, as detailed paths, each in place or replacing.

The SDK hands over no old inputs, so the state echoes every input. Nothing, zero, "" and empty lists are the same, and
an input that is `kept` and left out of the program accepts whatever the state says: both as in the official plugin.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from providers.shared.values import DEFAULTS, FAILED, has_unknown

from .inputs import RESOURCES, Input

Change = Literal["add", "delete", "update"]

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Difference:
    """One changed path, `replaces` as the official schema says."""

    path: str
    change: Change
    replaces: bool


def differences(
    type_: str, state: Mapping[str, Any], inputs: Mapping[str, Any], secrets: frozenset[str]
) -> list[Difference]:
    """Every difference. A secret input is named as a whole: its parts are not shown."""
    found: list[Difference] = []
    for key, item in RESOURCES[type_].items():
        old, new = state.get(key), inputs.get(key)
        if has_unknown(new):
            found.append(Difference(key, "add" if empty(old) else "update", item.replaces))
        elif key in secrets:
            if not same(item, old, new):
                found.append(Difference(key, _change(old, new), item.replaces))
        else:
            found += _paths(key, item, old, new)
    if state.get(FAILED):
        found.append(Difference(FAILED, "delete", True))
    elif _must_start(type_, state, inputs):
        found = [one for one in found if one.path != "mustRun"] + [Difference("mustRun", "update", True)]
    return found


def _must_start(type_: str, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
    """A container that a refresh found stopped (`exitCode` says so) is brought back by a new one, as officially."""
    stopped = state.get("mustRun") is False and state.get("exitCode") is not None
    return type_.endswith(":Container") and stopped and inputs.get("mustRun") is True


def empty(value: Any) -> bool:
    """Nothing, as far as the engine can tell."""
    if isinstance(value, Mapping):
        return not value.keys() - {DEFAULTS}
    return value is None or value is False or value == 0 or value == "" or value == []


def same(item: Input, old: Any, new: Any) -> bool:
    """Do both values mean the same to the engine?"""
    if new is None and item.default is not None:
        new = item.default
    if old is None and item.default is not None:
        old = item.default
    if empty(new) and (item.kept or empty(old)):
        return not (new is False and old)
    if item.kind in ("list", "set", "map"):
        return bool(_canonical(item, old) == _canonical(item, new))
    if item.kind == "object":
        return _same_fields(item, old or {}, new or {})
    if item.kind == "objects":
        return _pair(item, old or [], new or []) == ([], [])
    if item.pattern.startswith(r"(\d+(\.\d+)?(ns"):
        return seconds(old) == seconds(new)
    return bool(old == new)


def _canonical(item: Input, value: Any) -> Any:
    if item.kind == "set":
        return sorted(value or [])
    return dict(value or {}) if item.kind == "map" else list(value or [])


def _same_fields(item: Input, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return all(same(inner, old.get(key), new.get(key)) for key, inner in item.fields.items())


def _pair(item: Input, old: Sequence[Any], new: Sequence[Any]) -> tuple[list[int], list[int]]:
    """Indexes of old entries that are gone and of new entries that are added; the order does not count."""
    left = list(range(len(old)))
    added: list[int] = []
    for index, entry in enumerate(new):
        match = next((one for one in left if _same_fields(item, old[one], entry)), None)
        if match is None:
            added.append(index)
        else:
            left.remove(match)
    return left, added


def _paths(path: str, item: Input, old: Any, new: Any) -> list[Difference]:
    if same(item, old, new):
        return []
    if path == "memorySwap" and new is None:
        # The engine fills it in from `memory`; the official plugin writes the difference as an addition.
        return [Difference(path, "add", item.replaces)]
    if empty(old) or empty(new):
        return [Difference(path, _change(old, new), item.replaces)]
    if item.kind == "object":
        nested = [_paths(f"{path}.{key}", inner, old.get(key), new.get(key)) for key, inner in item.fields.items()]
        return [Difference(one.path, one.change, item.replaces) for part in nested for one in part]
    if item.kind == "objects":
        gone, added = _pair(item, old, new)
        return [
            Difference(f"{path}[{index}]", _member(index in gone, index in added), item.replaces)
            for index in sorted({*gone, *added})
        ]
    if item.kind in ("list", "set"):
        pairs = [(f"[{index}]", _at(old, index), _at(new, index)) for index in range(max(len(old), len(new)))]
    elif item.kind == "map":
        pairs = [(_member_path(key), old.get(key), new.get(key)) for key in sorted({*old, *new})]
    else:
        return [Difference(path, "update", item.replaces)]
    return [Difference(f"{path}{part}", _change(a, b), item.replaces) for part, a, b in pairs if a != b]


def _at(values: Sequence[Any], index: int) -> Any:
    return values[index] if index < len(values) else None


def _member_path(key: str) -> str:
    return f".{key}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key) else f"[{json.dumps(key)}]"


def _member(gone: bool, added: bool) -> Change:
    return "update" if gone and added else "delete" if gone else "add"


def _change(old: Any, new: Any) -> Change:
    return "add" if empty(old) else "delete" if empty(new) else "update"


def seconds(duration: Any) -> float:
    """A Go duration (`1m30s`) in seconds; nothing is 0."""
    parts = re.findall(r"([\d.]+)(ns|us|µs|ms|s|m|h)", duration or "")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
