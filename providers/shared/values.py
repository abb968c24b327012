"""Between the SDK's PropertyValues and plain Python values, without losing what is secret.

A plain value is None, bool, int, float, str, list or dict. An unknown (of a preview) is the string `UNKNOWN`.
Secrets are kept per input: one secret element makes the whole input secret, as the official plugin does for lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

__all__ = ["DEFAULTS", "FAILED", "UNKNOWN", "has_unknown", "plain_map", "redact", "secret_keys", "secret_texts", "wrap"]

DEFAULTS: Final = "__defaults"
"""The input that lists which inputs Check filled in; the official plugin keeps the same list."""

FAILED: Final = "__failed"
"""The output that marks a container whose start failed: the next `up` replaces it."""


def _plain(value: Any) -> Any:
    inner = value.value
    if inner is None or isinstance(inner, (bool, str)):
        return inner
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Mapping):
        return {key: _plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence):
        return [_plain(item) for item in inner]
    raise TypeError(f"a {type(inner).__name__} is not a value that a plugin of ours can use")


def plain_map(values: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """Plain values, secrets unwrapped. Keep `secret_keys` beside it to wrap them again."""
    return {key: _plain(value) for key, value in values.items()}


def secret_keys(values: Mapping[str, PropertyValue]) -> frozenset[str]:
    """The inputs that are secret or hold a secret somewhere inside."""
    return frozenset(key for key, value in values.items() if value.contains_secret())


def _wrap(value: Any, secret: bool = False) -> PropertyValue:
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value), is_secret=secret)
    if isinstance(value, Mapping):
        return PropertyValue({str(key): _wrap(item) for key, item in value.items()}, is_secret=secret)
    if isinstance(value, (list, tuple)):
        return PropertyValue([_wrap(item) for item in value], is_secret=secret)
    return PropertyValue(value, is_secret=secret)


def wrap(values: Mapping[str, Any], secrets: Iterable[str] = ()) -> dict[str, PropertyValue]:
    """PropertyValues again; `secrets` names those that stay encrypted in the state."""
    hidden = frozenset(secrets)
    return {key: _wrap(value, key in hidden) for key, value in values.items()}


def has_unknown(value: Any) -> bool:
    """Does a plain value hold an unknown anywhere?"""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(has_unknown(item) for item in value)
    return bool(value == UNKNOWN)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
        yield from (line.strip() for line in value.splitlines())
        yield value.partition("=")[2]  # the value of an environment entry


def secret_texts(values: Mapping[str, Any], secrets: Iterable[str]) -> tuple[str, ...]:
    """Every text of the secret inputs that must not appear in a message, longest first."""
    found = {text for key in secrets for text in _texts(values.get(key)) if len(text) >= 4}
    return tuple(sorted(found, key=len, reverse=True))


def redact(message: str, secrets: Iterable[str]) -> str:
    """The message with every secret text replaced."""
    for text in secrets:
        message = message.replace(text, "[secret]")
    return message
