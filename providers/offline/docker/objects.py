"""What the four resource types share: how the server calls them and what they give back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .engine import Engine

Values = dict[str, Any]

REMOVAL_LIMIT = 30.0
"""Seconds that Delete waits for an object to be let go of, as the official plugin does."""


@dataclass(frozen=True)
class Found:
    """What the engine says of one object: its id and the values that a refresh records."""

    id: str
    values: Values


class HalfMade(Exception):
    """Create failed after the object was made: it goes to the state, so that the next `up` replaces it."""

    def __init__(self, id_: str, outputs: Values, reason: str) -> None:
        super().__init__(reason)
        self.id = id_
        self.outputs = outputs


class ResourceType(Protocol):
    """One resource type. `inputs` are checked plain values; `state` is what earlier calls gave back."""

    computed: Sequence[str]
    """Outputs that only the engine knows: unknown in a preview of a creation."""

    def create(self, engine: Engine, inputs: Values, timeout: float) -> Found:
        """Makes the object. Raises EngineError with nothing left behind, or HalfMade."""

    def read(self, engine: Engine, id_: str, state: Values) -> Found | None:
        """The object as it is, or None if it is gone. An empty `state` means import."""

    def update(self, engine: Engine, id_: str, state: Values, inputs: Values) -> Values:
        """Changes in place; gives back outputs that changed with it."""

    def delete(self, engine: Engine, id_: str, state: Values, timeout: float) -> None:
        """Removes the object; one that is gone already is fine."""


def labels_map(labels: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """`[{label, value}]` as the engine wants it."""
    return {entry["label"]: entry["value"] for entry in labels or ()}


def labels_list(labels: Mapping[str, str] | None) -> list[Values]:
    """The engine's labels as the inputs write them, sorted."""
    return [{"label": key, "value": value} for key, value in sorted((labels or {}).items())]


def given(values: Mapping[str, Any]) -> Values:
    """Only what is set."""
    return {key: value for key, value in values.items() if value is not None}
