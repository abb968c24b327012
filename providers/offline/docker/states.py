"""What goes to the state after each operation. Pure: inputs, record and engine's word in, outputs out.

Create and Update echo the program's inputs (the SDK's Diff sees no old inputs) and add what only the engine knows.
Read lets the engine's word win, but keeps the recorded spelling where both mean the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from providers.shared.values import DEFAULTS, UNKNOWN

from .diffs import empty, same
from .inputs import Input
from .objects import Values

_IMPORTED_THOUGH_KEPT = frozenset({"name", "envs", "labels", "command", "ipamConfigs", "internal"})


def created(table: Mapping[str, Input], inputs: Values, found: Values) -> Values:
    """The state of a new object."""
    outputs = {**_only_engine(table, inputs, found), **_echo(inputs)}
    if outputs.get("ports"):
        outputs["ports"] = [_with_host_port(port, found.get("ports") or ()) for port in outputs["ports"]]
    return outputs


def _with_host_port(port: Values, live: Iterable[Values]) -> Values:
    """The program's entry, with the host port that the engine chose if it names none."""
    wanted = {key: port.get(key) for key in ("internal", "protocol", "ip")}
    chosen = [one["external"] for one in live if {key: one.get(key) for key in wanted} == wanted]
    return port if port.get("external") or len(chosen) != 1 else {**port, "external": chosen[0]}


def planned(table: Mapping[str, Input], inputs: Values, computed: Iterable[str]) -> Values:
    """The state that a preview shows: what only the engine knows is unknown."""
    return {**_only_engine(table, inputs, dict.fromkeys(computed, UNKNOWN)), **_echo(inputs)}


def updated(table: Mapping[str, Input], inputs: Values, state: Values, changed: Values) -> Values:
    """The state after a change in place."""
    return {**_only_engine(table, inputs, state), **_only_engine(table, inputs, changed), **_echo(inputs)}


def refreshed(table: Mapping[str, Input], state: Values, found: Values) -> Values:
    """The recorded state with the engine's word where it differs."""
    outputs = dict(state)
    for key, value in found.items():
        item = table.get(key)
        recorded = state.get(key)
        if item is not None and empty(recorded) and empty(value):
            continue  # nothing stays unrecorded
        if item is None or empty(recorded) or not same(item, value, recorded):
            outputs[key] = value
    return _present(outputs)


def refreshed_inputs(table: Mapping[str, Input], inputs: Values, found: Values) -> Values:
    """The recorded inputs with the engine's word where it differs; inputs that were never given stay away."""
    changed = {
        key: found[key]
        for key, value in inputs.items()
        if key in table and key in found and not same(table[key], found[key], value)
    }
    return {**inputs, **changed}


def imported_inputs(table: Mapping[str, Input], found: Values) -> Values:
    """Inputs that would make the object that was found."""
    return {
        key: value
        for key, value in found.items()
        if key in table
        and not empty(value)
        and value != table[key].default
        and (not table[key].kept or key in _IMPORTED_THOUGH_KEPT)
    } | {DEFAULTS: []}


def _echo(inputs: Values) -> Values:
    return {key: _without_defaults(value) for key, value in inputs.items() if key != DEFAULTS}


def _without_defaults(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_defaults(inner) for key, inner in value.items() if key != DEFAULTS}
    if isinstance(value, list):
        return [_without_defaults(inner) for inner in value]
    return value


def _only_engine(table: Mapping[str, Input], inputs: Values, found: Values) -> Values:
    """Of the engine's values, those that no input decides."""
    free = (key for key in found if key not in inputs and (key not in table or table[key].kept))
    return _present({key: found[key] for key in free})


def _present(values: Values) -> Values:
    return {key: value for key, value in values.items() if value is not None}
