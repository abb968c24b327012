"""`docker:index/network:Network`: the id is the engine's; nothing changes in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .engine import Conflict, Engine, EngineError, Missing
from .objects import REMOVAL_LIMIT, Found, Values, given, labels_list, labels_map

computed: Sequence[str] = ("driver", "internal", "ipamConfigs", "options", "scope")


def create(engine: Engine, inputs: Values, timeout: float) -> Found:
    name = inputs["name"]
    body: Values = {
        "Name": name,
        # Two networks of one name are legal for the engine and never what is meant.
        "CheckDuplicate": True,
        **given(
            {
                "Driver": inputs.get("driver"),
                "Internal": inputs.get("internal"),
                "Attachable": inputs.get("attachable"),
                "EnableIPv6": inputs.get("ipv6"),
                "Options": inputs.get("options"),
            }
        ),
        "Labels": labels_map(inputs.get("labels")),
        "IPAM": {"Driver": inputs.get("ipamDriver", "default"), "Config": _ipam(inputs.get("ipamConfigs"))},
    }
    with engine.doing(f"Unable to create network {name}") as api:
        id_ = str(api._result(api._post_json(api._url("/networks/create"), data=body), json=True)["Id"])
    found = read(engine, id_, inputs)
    if found is None:
        raise EngineError(f"network {name} vanished while it was created")
    return found


def read(engine: Engine, id_: str, state: Values) -> Found | None:
    try:
        with engine.doing(f"Unable to read network {id_}") as api:
            seen: Any = api.inspect_network(id_)
    except Missing:
        return None
    return Found(
        seen["Id"],
        {
            "name": seen["Name"],
            "driver": seen["Driver"],
            "internal": seen["Internal"],
            "attachable": seen["Attachable"],
            "ipv6": seen["EnableIPv6"],
            "ipamDriver": seen["IPAM"]["Driver"],
            "ipamConfigs": [
                given({"subnet": one.get("Subnet"), "gateway": one.get("Gateway"), "ipRange": one.get("IPRange")})
                for one in seen["IPAM"]["Config"] or ()
            ],
            "labels": labels_list(seen["Labels"]),
            "options": dict(seen["Options"] or {}),
            "scope": seen["Scope"],
        },
    )


def update(engine: Engine, id_: str, state: Values, inputs: Values) -> Values:
    return {}


def delete(engine: Engine, id_: str, state: Values, timeout: float) -> None:
    name = state.get("name", id_)
    for left in engine.ticks(timeout or REMOVAL_LIMIT, every=0.5):
        try:
            with engine.doing(f"Unable to remove network {name}") as api:
                api.remove_network(id_)
            return
        except Missing:
            return
        except EngineError as error:
            if "active endpoints" not in str(error):
                raise
            if left <= 0:
                advice = f"containers outside this stack are still on it; `docker network inspect {name}` names them"
                raise Conflict(f"{error}: {advice}") from None


def _ipam(configs: list[Values] | None) -> list[Values]:
    return [
        given({"Subnet": one.get("subnet"), "Gateway": one.get("gateway"), "IPRange": one.get("ipRange")})
        for one in configs or ()
    ]
