"""Rows of the oracle and their kin: what is removed, what stays, what is taken in."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from .scratch import BASE_IMAGE, CommandFailed, ScratchStack

KEPT = """
i, n = image(), network()
data = docker.Volume("data", name=NAME + "-data", opts=ResourceOptions(protect=True, retain_on_delete=True))
docker.Container("c", name=NAME, image=i.image_id, command=["sleep", "1000"], init=True, stop_timeout=1,
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=n.name)],
    volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=data.name),
             docker.ContainerVolumeArgs(container_path="/anonymous")], opts=FIRST)
"""


def test_taken_down_without_the_protected_the_data_stays_and_serves_again(stack: ScratchStack) -> None:
    stack.program(KEPT)
    stack.up()
    stack.inside("echo mail > /data/mail")
    (anonymous,) = [one["Name"] for one in stack.container()["Mounts"] if one["Destination"] == "/anonymous"]
    stack.run("destroy", "--yes", "--skip-preview", "--exclude-protected")
    assert stack.engine.api.containers(all=True, filters={"name": stack.name}) == []
    left = [one["Name"] for one in stack.engine.api.volumes()["Volumes"] or ()]
    assert stack.name + "-data" in left and anonymous not in left
    assert "data" in stack.state()
    stack.up()
    assert stack.inside("cat /data/mail") == "mail\n"


def test_what_is_gone_already_is_deleted_without_a_word(stack: ScratchStack) -> None:
    stack.program("i, n = image(), network()\ndocker.Volume('v', name=NAME + '-v')\n" + PLAIN)
    stack.up()
    stack.engine.api.remove_container(stack.name, force=True)
    stack.engine.api.remove_network(stack.name + "-net")
    stack.engine.api.remove_volume(stack.name + "-v")
    assert "error" not in stack.run("destroy", "--yes", "--skip-preview")


PLAIN = 'docker.Container("c", name=NAME, image=i.image_id, command=["sleep", "1000"], init=True, stop_timeout=1)\n'


def test_a_volume_in_use_is_waited_for_and_then_named(stack: ScratchStack) -> None:
    timeout = "pulumi.CustomTimeouts(delete=P.get('limit', '20s'))"
    stack.program(f"docker.Volume('v', name=NAME + '-v', opts=ResourceOptions(custom_timeouts={timeout}))")
    stack.up(limit="1s")
    host = stack.engine.api.create_host_config(binds=[f"{stack.name}-v:/data"])
    stack.engine.api.create_container(BASE_IMAGE, ["true"], name=stack.name, host_config=host)
    with pytest.raises(CommandFailed) as failed:
        stack.run("destroy", "--yes", "--skip-preview")
    assert "volume is in use" in str(failed.value) and f"docker ps -a --filter volume={stack.name}-v" in str(
        failed.value
    )
    assert "v" in stack.state()

    stack.up(limit="20s")
    release = threading.Timer(4, lambda: stack.engine.api.remove_container(stack.name, force=True))
    release.start()
    try:
        stack.run("destroy", "--yes", "--skip-preview")
    finally:
        release.join()
    assert stack.name + "-v" not in [one["Name"] for one in stack.engine.api.volumes()["Volumes"] or ()]


def test_a_network_in_use_by_others_says_so(stack: ScratchStack) -> None:
    stack.program(
        "docker.Network('n', name=NAME + '-net', ipam_configs=[docker.NetworkIpamConfigArgs(subnet=NET + '.0/28')],"
        "opts=ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete='1s')))"
    )
    stack.steady()
    stack.engine.containers.run(
        BASE_IMAGE, ["sleep", "1000"], name=stack.name, network=f"{stack.name}-net", detach=True
    )
    with pytest.raises(CommandFailed) as failed:
        stack.run("destroy", "--yes", "--skip-preview")
    assert "has active endpoints" in str(failed.value) and f"docker network inspect {stack.name}-net" in str(
        failed.value
    )


def test_a_grace_time_lets_the_process_end_by_itself(stack: ScratchStack) -> None:
    wait = "trap 'sleep 1; echo done > /data/ended; exit 0' TERM; while :; do sleep 0.1; done"
    stack.program(
        f"""
i = image()
v = docker.Volume("v", name=NAME + "-v", opts=ResourceOptions(retain_on_delete=True))
docker.Container("c", name=NAME, image=i.image_id, command=["bash", "-c", {wait!r}], destroy_grace_seconds=15,
    volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=v.name)])
"""
    )
    stack.up()
    stack.run("destroy", "--yes", "--skip-preview")
    host = stack.engine.api.create_host_config(binds=[f"{stack.name}-v:/data"])
    made: Any = stack.engine.api.create_container(BASE_IMAGE, ["true"], name=stack.name, host_config=host)
    content, _ = stack.engine.api.get_archive(made["Id"], "/data/ended")
    assert b"done" in b"".join(content)


IMPORTED = """
i = image()
docker.Network("n", name=NAME + "-net", ipam_configs=[docker.NetworkIpamConfigArgs(subnet=NET + ".0/28")],
    labels=[docker.NetworkLabelArgs(label="a", value="b")], opts=ResourceOptions(import_=P["network"]))
docker.Volume("v", name=NAME + "-v", opts=ResourceOptions(import_=NAME + "-v"))
docker.Container("c", name=NAME, image=i.image_id, command=["sleep", "1000"], memory=64, memory_swap=64, envs=["A=1"],
    labels=[docker.ContainerLabelArgs(label="x", value="y")], restart="unless-stopped",
    volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=NAME + "-v")],
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=NAME + "-net", ipv4_address=NET + ".5")],
    opts=ResourceOptions(import_=P["container"]))
"""


def test_objects_made_by_hand_are_taken_in_by_their_id(stack: ScratchStack) -> None:
    from docker.types import IPAMConfig, IPAMPool

    api = stack.engine.api
    pool = IPAMConfig(pool_configs=[IPAMPool(subnet=f"{stack.net}.0/28")])
    network = api.create_network(f"{stack.name}-net", ipam=pool, labels={"a": "b"})["Id"]
    api.create_volume(f"{stack.name}-v")
    host = api.create_host_config(
        mem_limit=64 << 20,
        memswap_limit=64 << 20,
        binds=[f"{stack.name}-v:/data"],
        restart_policy={"Name": "unless-stopped"},
    )
    container = api.create_container(
        BASE_IMAGE, ["sleep", "1000"], name=stack.name, host_config=host, environment=["A=1"], labels={"x": "y"}
    )["Id"]
    api.disconnect_container_from_network(container, "bridge")
    api.connect_container_to_network(container, network, ipv4_address=f"{stack.net}.5")
    api.start(container)

    stack.program(IMPORTED)
    stack.up(network=network, container=container)
    assert stack.container()["Id"] == container
    assert stack.changes() == {}
    assert stack.drift() == {}


def test_an_import_of_nothing_fails(stack: ScratchStack) -> None:
    stack.program("docker.Volume('v', name=NAME + '-v', opts=ResourceOptions(import_=NAME + '-v'))")
    with pytest.raises(CommandFailed, match="does not exist"):
        stack.up()
