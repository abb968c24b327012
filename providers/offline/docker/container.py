"""`docker:index/container:Container`: create, update in place, delete. Reading back is in `container_read.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import container_read
from .container_body import body
from .container_start import start
from .engine import Engine, EngineError, Missing
from .image import find_or_pull
from .objects import REMOVAL_LIMIT, Found, HalfMade, Values, given
from .uploads import archive

computed: Sequence[str] = container_read.COMPUTED
read = container_read.read

_MIB = 1024 * 1024


def create(engine: Engine, inputs: Values, timeout: float) -> Found:
    name = inputs["name"]
    find_or_pull(engine, inputs["image"])
    with engine.doing(f"Unable to create container {name}") as api:
        id_ = str(api.create_container_from_config(body(inputs), name)["Id"])
    try:
        _connect(engine, id_, inputs)
        _upload(engine, id_, inputs)
        if inputs["start"]:
            start(engine, id_, inputs)
        found = container_read.read(engine, id_, inputs)
        if found is None:
            raise EngineError(f"container {name} vanished while it was created")
    except EngineError as error:
        raise HalfMade(id_, {}, f"{error}. The container is left as it is; the next `pulumi up` replaces it") from None
    return found


def _connect(engine: Engine, id_: str, inputs: Values) -> None:
    """Off the default bridge and onto the named networks, in the program's order."""
    networks = inputs.get("networksAdvanced") or []
    if not networks:
        return
    if inputs["networkMode"] == "bridge":
        with engine.doing("Unable to disconnect the default network") as api:
            api.disconnect_container_from_network(id_, "bridge")
    for network in networks:
        with engine.doing(f"Unable to connect to network {network['name']}") as api:
            api.connect_container_to_network(
                id_,
                network["name"],
                aliases=network.get("aliases"),
                ipv4_address=network.get("ipv4Address"),
                ipv6_address=network.get("ipv6Address"),
            )


def _upload(engine: Engine, id_: str, inputs: Values) -> None:
    if inputs.get("uploads"):
        with engine.doing("Unable to upload volume content") as api:
            api.put_archive(id_, "/", archive(inputs["uploads"]))


def update(engine: Engine, id_: str, state: Values, inputs: Values) -> Values:
    """Limits and restart policy reach the running container; the other in-place inputs are only recorded (official)."""
    keys = ("memory", "memorySwap", "memoryReservation", "cpuShares", "cpuSet", "restart", "maxRetryCount")
    if any(state.get(key) != inputs.get(key) for key in keys):
        policy = {"Name": inputs["restart"], "MaximumRetryCount": inputs.get("maxRetryCount") or 0}
        with engine.doing(f"Unable to update container {inputs['name']}") as api:
            api.update_container(id_, restart_policy=policy, **_limits(inputs))
    return {}


def _limits(inputs: Values) -> Values:
    swap = inputs.get("memorySwap")
    return given(
        {
            "mem_limit": inputs.get("memory", 0) * _MIB or None,
            "memswap_limit": swap * _MIB if swap and swap > 0 else swap,
            "mem_reservation": inputs.get("memoryReservation", 0) * _MIB or None,
            "cpu_shares": inputs.get("cpuShares"),
            "cpuset_cpus": inputs.get("cpuSet"),
        }
    )


def delete(engine: Engine, id_: str, state: Values, timeout: float) -> None:
    name = state.get("name", id_)
    try:
        grace = state.get("destroyGraceSeconds") or state.get("stopTimeout") or 0
        with engine.doing(f"Unable to stop container {name}") as api:
            if grace and _running(api.inspect_container(id_)):
                api.stop(id_, timeout=grace)
        with engine.doing(f"Unable to remove container {name}") as api:
            api.remove_container(id_, v=state.get("removeVolumes", True), force=True)
    except Missing:
        return
    except EngineError as error:
        if "already in progress" not in str(error):
            raise
    for left in engine.ticks(timeout or REMOVAL_LIMIT):
        try:
            with engine.doing(f"Unable to remove container {name}") as api:
                api.inspect_container(id_)
        except Missing:
            return
        if left <= 0:
            raise EngineError(f"container {name} is still there after {timeout or REMOVAL_LIMIT:.0f} s of removing it")


def _running(seen: Any) -> bool:
    return bool(seen["State"]["Running"])
