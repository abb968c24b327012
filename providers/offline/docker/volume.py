"""`docker:index/volume:Volume`: the id is its name; nothing changes in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .engine import Conflict, Engine, Missing
from .objects import REMOVAL_LIMIT, Found, Values, labels_list, labels_map

computed: Sequence[str] = ("driver", "mountpoint")


def create(engine: Engine, inputs: Values, timeout: float) -> Found:
    name = inputs["name"]
    with engine.doing(f"Unable to create volume {name}") as api:
        # An existing volume of that name is taken over with its data, as the engine and the official plugin do.
        seen: Any = api.create_volume(
            name,
            driver=inputs.get("driver"),
            driver_opts=inputs.get("driverOpts"),
            labels=labels_map(inputs.get("labels")),
        )
    return _found(seen)


def read(engine: Engine, id_: str, state: Values) -> Found | None:
    try:
        with engine.doing(f"Unable to read volume {id_}") as api:
            return _found(api.inspect_volume(id_))
    except Missing:
        return None


def update(engine: Engine, id_: str, state: Values, inputs: Values) -> Values:
    return {}


def delete(engine: Engine, id_: str, state: Values, timeout: float) -> None:
    for left in engine.ticks(timeout or REMOVAL_LIMIT, every=0.5):
        try:
            with engine.doing(f"Unable to remove volume {id_}") as api:
                api.remove_volume(id_)
            return
        except Missing:
            return
        except Conflict as error:
            if left <= 0:
                advice = f"remove the container that uses it (`docker ps -a --filter volume={id_}`) and run this again"
                raise Conflict(f"{error}; {advice}") from None


def _found(seen: Any) -> Found:
    return Found(
        seen["Name"],
        {
            "name": seen["Name"],
            "driver": seen["Driver"],
            "driverOpts": dict(seen.get("Options") or {}),
            "labels": labels_list(seen.get("Labels")),
            "mountpoint": seen["Mountpoint"],
        },
    )
