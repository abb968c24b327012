"""Bringing a world up twice, repairing it, taking it down."""

import contextlib
from collections.abc import Iterator

import docker.errors
import pytest

from mailtenant.fleet.leftovers import engine_client
from world import TenantPlace, World, WorldError

NAME, SUBNET = "mailtenant-internet-two", "10.90.7.0/24"
GUEST = f"{NAME}-guest"


@pytest.fixture
def second() -> Iterator[World]:
    world = World(name=NAME, subnet=SUBNET)
    world.down()
    try:
        yield world
    finally:
        with contextlib.suppress(docker.errors.NotFound):
            engine_client().containers.get(GUEST).remove(force=True)
        world.down()


def identifiers(world: World) -> dict[str, str]:
    client = engine_client()
    return {role: client.containers.get(world.layout.container(role)).id for role in ("mx", "dns")}


def test_what_runs_and_is_right_stays(second: World) -> None:
    second.up()
    before = identifiers(second)
    World(name=NAME, subnet=SUBNET).up()
    assert identifiers(second) == before


def test_what_was_stopped_or_removed_comes_back(second: World) -> None:
    second.up()
    before, key = identifiers(second), second.outside().identity().public_key
    client = engine_client()
    client.containers.get(second.layout.container("mx")).remove(force=True)
    client.containers.get(second.layout.container("dns")).stop(timeout=0)
    second.up()
    after = identifiers(second)
    assert after["mx"] != before["mx"]
    assert after["dns"] == before["dns"]
    assert second.outside().identity().public_key == key, "the key is on a volume, so published keys stay right"


def test_down_leaves_nothing_and_may_be_asked_twice(second: World) -> None:
    second.up()
    second.down()
    second.down()
    client = engine_client()
    ours = {"label": f"mailtenant.world={NAME}"}
    assert client.containers.list(all=True, filters=ours) == []
    assert client.volumes.list(filters=ours) == []
    assert client.networks.list(names=[NAME]) == []


def test_down_refuses_while_a_tenant_is_on_the_network(second: World) -> None:
    second.up()
    image = f"mailtenant/world-dns:{second.release}"
    containers = engine_client().containers
    containers.run(image, name=GUEST, network=NAME, detach=True, entrypoint="sleep", command=["60"])
    with pytest.raises(WorldError, match=f"in use by {GUEST}"):
        second.down()
    assert identifiers(second), "nothing was removed"


def test_a_place_outside_the_subnet_is_refused() -> None:
    with pytest.raises(WorldError, match=r"not in 10\.90\.7\.0/24"):
        World(name=NAME, subnet=SUBNET).up([TenantPlace("x.outboxment.test", "10.99.1.10", ())])


def test_an_image_that_is_not_there_is_named(second: World) -> None:
    with pytest.raises(WorldError, match="mailtenant/world-mx:never-built is not there: run `make images`"):
        World(name=NAME, subnet=SUBNET, release="never-built").up()
