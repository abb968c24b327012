"""A world of its own, small, with a pretend tenant: the world is tested before any tenant is."""

from collections.abc import Iterator

import pytest

from tests.world.internet.pretend import PretendTenant
from world import World
from world.outside import OutsideMx

NAME, SUBNET, TENANT = "mailtenant-internet", "10.90.6.0/24", "10.90.6.110"


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """Up without tenants; gone at the end."""
    made = World(name=NAME, subnet=SUBNET)
    made.down()
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def tenant(world: World) -> PretendTenant:
    """`pretend.test` on `pretend.outboxment.test`, with a name server and a mail server."""
    pretend = PretendTenant.up(world, TENANT)
    world.up([pretend.place])
    pretend.wait()
    return pretend


@pytest.fixture
def outside(world: World) -> Iterator[OutsideMx]:
    """The exchanger of elsewhere.test, without mail and without faults."""
    mx = world.outside()
    mx.clear()
    mx.no_faults()
    yield mx
    mx.no_faults()
