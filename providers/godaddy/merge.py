"""What a record set becomes: ours in it, others' values untouched and in their places. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mailtenant.dns.godaddy_api import FIELDS, Value, clean


def identity(value: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two values of a set the same: everything but the TTL."""
    return tuple(_folded(key, value.get(key)) for key in FIELDS if key != "ttl")


def _folded(key: str, value: Any) -> Any:
    if key in ("priority", "weight", "port"):
        return int(value or 0)
    return str(value or "")


def merged(
    live: Sequence[Value], was_ours: Iterable[Value], values: Sequence[Value], replaced: Sequence[Value],
    before: Sequence[Value],
) -> list[Value]:  # fmt: skip
    """The set to write.

    `was_ours` are the values of the last write: what of them is not in `values` goes. Others' values keep their live
    TTL and come in the order of `before`, ours in the places of those that they replace; what is new comes last.
    """
    ours = {identity(one): clean(one) for one in values}
    gone = {identity(one) for one in (*was_ours, *replaced)} - ours.keys()
    others = {identity(one): clean(one) for one in live if identity(one) not in gone and identity(one) not in ours}
    waiting = [key for key in ours if key not in {identity(one) for one in before}]
    places = {identity(one) for one in replaced}
    found: list[Value] = []
    for one in before:
        key = identity(one)
        if key in ours:
            found.append(ours[key])
        elif key in others:
            found.append(others.pop(key))
        elif key in places and waiting:
            found.append(ours[waiting.pop(0)])
    return [*found, *(ours[key] for key in waiting), *others.values()]


def same_set(left: Sequence[Value], right: Sequence[Value]) -> bool:
    """Whether two sets hold the same values with the same TTLs; a set has no order of its own (RFC 2181 §5)."""
    return sorted(map(_whole, left)) == sorted(map(_whole, right))


def _whole(value: Mapping[str, Any]) -> tuple[str, ...]:
    return (*(str(part) for part in identity(value)), str(int(value["ttl"])))


def seen(live: Sequence[Value], values: Sequence[Value]) -> list[Value]:
    """Of ours, what is there, with the TTL that it has there."""
    there = {identity(one): clean(one) for one in live}
    return [there[identity(one)] for one in values if identity(one) in there]
