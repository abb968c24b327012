"""Rows of the oracle: what a refresh sees of changes made by hand, and what it does not."""

from __future__ import annotations

from typing import Any

from .scratch import BASE_IMAGE, ScratchStack

PROGRAM = """
i, n = image(), network()
data = docker.Volume("data", name=NAME + "-data")
c = docker.Container("c", name=NAME, image=i.image_id, command=["sleep", "1000"], init=True, stop_timeout=1,
    memory=P.get("memory"), memory_swap=P.get("swap"), domainname=P.get("domain"), hostname=P.get("host"),
    capabilities=docker.ContainerCapabilitiesArgs(adds=P.get("caps")), uploads=P.get("uploads"),
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=n.name)] if P.get("net") else None,
    volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=data.name)], opts=FIRST)
"""


def test_a_stopped_container_is_seen_by_refresh_only_and_then_replaced(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.up()
    before = stack.container()["Id"]
    stack.engine.api.stop(stack.name, timeout=1)
    assert stack.changes() == {}, "a preview alone sees nothing"
    said = stack.refresh()
    assert "mustRun" in said and "true => false" in " ".join(said.split())
    assert stack.changes()["c"].replaces == ("mustRun",)
    stack.up()
    after = stack.container()
    assert after["Id"] != before and after["State"]["Running"]
    assert stack.changes() == {}


def test_removed_objects_leave_the_state_and_come_back(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.up(net=True)
    stack.engine.api.remove_container(stack.name, force=True)
    stack.engine.api.remove_network(stack.name + "-net")
    stack.engine.api.remove_volume(stack.name + "-data")
    stack.refresh()
    assert {"c", "network", "data"}.isdisjoint(stack.state())
    assert {name: step.op for name, step in stack.changes().items()} == {
        "c": "create",
        "network": "create",
        "data": "create",
    }
    stack.up()
    assert stack.container()["State"]["Running"]
    assert stack.changes() == {}


def test_a_limit_changed_by_hand_is_put_back(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.up(memory=64, swap=64)
    stack.engine.api.update_container(stack.name, mem_limit=32 << 20, memswap_limit=64 << 20)
    stack.refresh()
    assert stack.changes()["c"].detailed == {"memory": "update"}
    stack.up()
    assert stack.container()["HostConfig"]["Memory"] == 64 << 20


def test_a_file_edited_inside_is_not_seen(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.up(uploads=[{"file": "/etc/ours", "content": "as uploaded"}])
    stack.inside("echo by hand > /etc/ours")
    assert "unchanged" in stack.refresh()
    assert stack.changes() == {}


def test_capabilities_must_be_written_as_the_engine_writes_them(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.up(caps=["KILL", "CHOWN"])
    assert stack.changes() == {}, "fine at first"
    stack.refresh()
    assert stack.changes()["c"].replaces == ("capabilities",)
    stack.up(caps=["CAP_CHOWN", "CAP_KILL"])
    assert stack.drift() == {}


def test_memory_without_swap_is_a_difference_after_a_refresh(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.up(memory=64)
    assert stack.changes() == {}, "fine at first"
    stack.refresh()
    assert stack.changes()["c"].detailed == {"memorySwap": "add"}
    stack.up(memory=64, swap=64)
    assert stack.drift() == {}


def test_a_restarted_container_is_no_drift(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.up(net=True)
    stack.engine.api.restart(stack.name, timeout=1)
    assert stack.drift() == {}


def test_an_image_built_anew_under_its_tag_is_seen_by_refresh_and_replaces(stack: ScratchStack) -> None:
    tag = f"{stack.name}:test"
    stack.program(
        """
i = docker.RemoteImage("image", name=P["tag"], keep_locally=P.get("keep", True))
c = docker.Container("c", name=NAME, image=i.image_id, command=["sleep", "1000"], init=True, stop_timeout=1, opts=FIRST)
pulumi.export("image", i.image_id)
"""
    )

    def build(label: str) -> None:
        made: dict[str, Any] = stack.engine.api.commit(
            stack.name, repository=stack.name, tag="test", changes=[f"LABEL v={label}"]
        )
        assert made["Id"]

    stack.engine.api.tag(BASE_IMAGE, stack.name, "test")
    stack.steady(tag=tag)
    first = stack.outputs()["image"]
    build("2")
    assert stack.changes() == {}, "a preview alone sees nothing"
    stack.refresh()
    assert "image" in stack.changes()["c"].detailed
    stack.up()
    assert stack.container()["Image"] == stack.outputs()["image"] != first
    stack.up(tag=tag, keep=False)
    stack.run("destroy", "--yes")
    assert stack.engine.api.images(name=stack.name) == [], "without keepLocally the image goes too"
