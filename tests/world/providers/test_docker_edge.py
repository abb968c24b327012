"""Rows of the oracle: containers that join an edge container's network namespace."""

from __future__ import annotations

from .scratch import ScratchStack

PROGRAM = """
i, n = image(), network()
edge = docker.Container("edge", name=NAME + "-edge", image=i.image_id, command=["sleep", "1000"], init=True,
    stop_timeout=1, memory=P.get("memory", 32), memory_swap=P.get("memory", 32),
    hostname=P.get("host", "acme.outboxment.test"),
    domainname=P.get("domain"), labels=[docker.ContainerLabelArgs(label="v", value=P.get("label", "1"))],
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=n.name, ipv4_address=NET + ".5")],
    ports=[docker.ContainerPortArgs(internal=25, ip="127.0.3.1"),
           docker.ContainerPortArgs(internal=993, ip="127.0.3.1")],
    opts=FIRST)
for name in ("smtp", "imap"):
    docker.Container(name, name=f"{NAME}-{name}", image=i.image_id, command=["sleep", "1000"], init=True,
        stop_timeout=1, network_mode=edge.id.apply(lambda id: f"container:{id}"), opts=FIRST)
"""


def test_joined_containers_share_the_edge_and_do_not_drift(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.steady()
    edge = stack.container("-edge")
    for name in ("-smtp", "-imap"):
        assert stack.container(name)["HostConfig"]["NetworkMode"] == f"container:{edge['Id']}"
        assert stack.inside("hostname", name) == "acme.outboxment.test\n"
    joined = {name: stack.container(name)["Id"] for name in ("-smtp", "-imap")}

    # The edge's memory changes in place, and the joined ones stay.
    assert {name: step.op for name, step in stack.changes(memory=48).items()} == {"edge": "update"}
    stack.up()
    assert stack.container("-edge")["Id"] == edge["Id"]
    assert {name: stack.container(name)["Id"] for name in joined} == joined

    # A new edge takes the joined ones with it.
    change = stack.changes(memory=48, label="2")
    assert set(change) == {"edge", "smtp", "imap"}
    stack.up()
    fresh = stack.container("-edge")
    assert fresh["Id"] != edge["Id"]
    assert fresh["NetworkSettings"]["Networks"][stack.name + "-net"]["IPAddress"] == f"{stack.net}.5"
    for name, old in joined.items():
        assert stack.container(name)["Id"] != old
        assert stack.container(name)["HostConfig"]["NetworkMode"] == f"container:{fresh['Id']}"
    stack.steady()


def test_a_domainname_on_the_edge_makes_the_joined_ones_replace_after_a_refresh(stack: ScratchStack) -> None:
    """As with the official plugin: the engine copies the edge's domain into what joins it."""
    stack.program(PROGRAM)
    stack.up(host="acme", domain="outboxment.test")
    assert stack.changes() == {}
    assert {name: step.replaces for name, step in stack.drift().items()} == {
        "smtp": ("domainname",),
        "imap": ("domainname",),
    }
