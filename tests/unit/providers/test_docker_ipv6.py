"""A container's static IPv6 address: asked for, compared, and found again by an import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from providers.offline.docker import container
from providers.offline.docker.checks import check_resource
from providers.offline.docker.container_read import _imported
from providers.offline.docker.diffs import differences
from providers.offline.docker.inputs import RESOURCES
from providers.offline.docker.states import created, imported_inputs, refreshed_inputs

CONTAINER = "docker:index/container:Container"
EDGE = {"name": "edge", "ipv4Address": "10.97.1.10", "ipv6Address": "fd00:97::10"}


def checked(*networks: dict[str, Any]) -> dict[str, Any]:
    given = {"image": "i", "name": "n", "networksAdvanced": list(networks)}
    values, problems = check_resource(CONTAINER, "web", {}, given, b"")
    assert problems == []
    return values


class Noting:
    """An engine that notes what it is asked to connect."""

    def __init__(self) -> None:
        self.connected: list[tuple[str, dict[str, Any]]] = []

    @contextmanager
    def doing(self, _: str) -> Iterator[Noting]:
        yield self

    def disconnect_container_from_network(self, *_: Any) -> None:
        pass

    def connect_container_to_network(self, _: str, network: str, **addresses: Any) -> None:
        self.connected.append((network, addresses))


def test_the_engine_is_asked_for_both_addresses() -> None:
    engine: Any = Noting()
    container._connect(engine, "id", checked(EDGE, {"name": "inner", "ipv4Address": "10.96.0.2"}))
    six = {network: addresses["ipv6_address"] for network, addresses in engine.connected}
    assert six == {"edge": "fd00:97::10", "inner": None}


def test_another_address_replaces_and_the_same_is_no_difference() -> None:
    before = created(RESOURCES[CONTAINER], checked(EDGE), {})
    assert not list(differences(CONTAINER, before, checked(EDGE), frozenset()))
    for after in (checked({**EDGE, "ipv6Address": "fd00:97::11"}), checked({**EDGE, "ipv6Address": None})):
        found = list(differences(CONTAINER, before, after, frozenset()))
        assert found and all(one.replaces for one in found)


def test_an_import_finds_the_static_address_and_no_other() -> None:
    networks = {
        "edge": {"IPAMConfig": {"IPv4Address": "10.97.1.10", "IPv6Address": "fd00:97::10"}},
        "unasked": {"IPAMConfig": None, "GlobalIPv6Address": "fd00:98::2"},
    }
    seen = {
        "Config": {"Labels": {}, "Env": []},
        "HostConfig": {"Binds": [], "NetworkMode": "default"},
        "NetworkSettings": {"Networks": networks},
        "State": {"Running": True},
    }
    found = _imported(seen, {})
    assert found["networksAdvanced"] == [EDGE, {"name": "unasked"}]
    assert imported_inputs(RESOURCES[CONTAINER], found)["networksAdvanced"] == found["networksAdvanced"]


def test_a_refresh_leaves_the_recorded_addresses_alone() -> None:
    """As in the official plugin, networks are not looked at; what the engine assigned is an output of its own."""
    inputs = checked(EDGE)
    found = {"networkDatas": [{"networkName": "edge", "globalIpv6Address": "fd00:97::99"}]}
    assert refreshed_inputs(RESOURCES[CONTAINER], inputs, found) == inputs
