"""A network with IPv6, and a container's static address on it: made, steady, replaced, imported."""

from __future__ import annotations

import pytest

from .scratch import CommandFailed, ScratchStack

PROGRAM = """
i = image()
subnets = [docker.NetworkIpamConfigArgs(subnet=NET + ".0/28", gateway=NET + ".1")]
subnets += [docker.NetworkIpamConfigArgs(subnet=P["SIX"] + "/64", gateway=P["SIX"] + "1")]
n = docker.Network("network", name=NAME + "-net", ipv6=True, ipam_configs=subnets)
docker.Container("edge", name=NAME + "-edge", image=i.image_id, command=["sleep", "1000"], init=True, stop_timeout=1,
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(
        name=n.name, ipv4_address=NET + ".5", ipv6_address=P["SIX"] + P["host"])],
    opts=FIRST)
docker.Container("unasked", name=NAME + "-unasked", image=i.image_id, command=["sleep", "1000"], init=True,
    stop_timeout=1, networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=n.name)], opts=FIRST)
"""


def address(stack: ScratchStack, name: str) -> str:
    return str(stack.container(name)["NetworkSettings"]["Networks"][stack.name + "-net"]["GlobalIPv6Address"])


def test_a_static_ipv6_address_is_kept_and_another_one_replaces(stack: ScratchStack) -> None:
    six = f"fd00:88:{stack.net.rpartition('.')[2]}::"
    stack.program(PROGRAM)
    stack.steady(SIX=six, host="25")
    assert address(stack, "-edge") == f"{six}25"
    assert address(stack, "-unasked").startswith(six), "the engine gives one to who asks for none; that is no drift"
    change = stack.changes(SIX=six, host="26")
    assert set(change) == {"edge"} and change["edge"].op in ("replace", "create-replacement", "delete-replaced")
    stack.up(SIX=six, host="26")
    assert address(stack, "-edge") == f"{six}26"


def test_an_address_on_a_network_without_ipv6_is_one_error_in_words(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.edit("ipv6=True, ipam_configs=subnets)", "ipam_configs=subnets[:1])")
    stack.set(SIX=f"fd00:88:{stack.net.rpartition('.')[2]}::", host="25")
    with pytest.raises(CommandFailed, match=f"Unable to connect to network {stack.name}-net"):
        stack.up()
