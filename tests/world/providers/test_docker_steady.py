"""Rows of the oracle: what must not change by itself."""

from __future__ import annotations

import socket
import time

from .scratch import BASE_IMAGE, ScratchStack, eventually

EVERYTHING = """
SERVER = '$s=IO::Socket::INET->new(LocalPort=>8025,Listen=>5) or die; while($c=$s->accept){print $c "hello\\n"}'
i, n = image(), network()
inside = docker.Network("inside", name=NAME + "-inside", internal=True,
    ipam_configs=[docker.NetworkIpamConfigArgs(subnet=NET + ".16/28")])
data = docker.Volume("data", name=NAME + "-data", labels=[docker.VolumeLabelArgs(label="b", value="1"),
    docker.VolumeLabelArgs(label="a", value="2")])
c = docker.Container("all", name=NAME, image=i.image_id,
    command=["perl", "-MIO::Socket::INET", "-e", SERVER],
    capabilities=docker.ContainerCapabilitiesArgs(adds=["CAP_CHOWN", "CAP_NET_BIND_SERVICE"], drops=["ALL"]),
    security_opts=["no-new-privileges:true"], init=True,
    ports=[docker.ContainerPortArgs(internal=8025, external=P["port"], ip="127.0.3.1"),
           docker.ContainerPortArgs(internal=993)],
    tmpfs={"/run": "rw,size=1m", "/tmp": ""}, memory=64, memory_swap=64, memory_reservation=32, cpu_shares=100,
    cpu_set="0", log_driver="json-file", log_opts={"max-size": "1m", "max-file": "2"},
    labels=[docker.ContainerLabelArgs(label="z", value="1"), docker.ContainerLabelArgs(label="a", value="2")],
    ulimits=[docker.ContainerUlimitArgs(name="nofile", soft=1024, hard=2048)],
    healthcheck=docker.ContainerHealthcheckArgs(tests=["CMD", "true"], interval="1s", timeout="1m30s", retries=3,
        start_period="500ms"),
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=n.name, aliases=["z", "a"], ipv4_address=NET + ".5"),
                       docker.ContainerNetworksAdvancedArgs(name=inside.name, aliases=["mail"])],
    dns=["127.0.0.1", "10.0.0.1"], dns_searches=["mail.test"],
    hosts=[docker.ContainerHostArgs(host="h.test", ip="10.0.0.9")],
    stop_timeout=1, destroy_grace_seconds=1, wait=True, restart="unless-stopped", hostname="mail.acme.test",
    envs=["Z=1", "A=2"], working_dir="/tmp", user="0:0", shm_size=32, group_adds=["8"],
    sysctls={"net.core.somaxconn": "256"},
    volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=data.name),
             docker.ContainerVolumeArgs(container_path="/etc/ours", host_path="/etc", read_only=True)],
    uploads=[docker.ContainerUploadArgs(file="/etc/z", content="plain"),
             docker.ContainerUploadArgs(file="/etc/a", content=Output.secret("top-s3cret"), permissions="0600")],
    opts=FIRST)
pulumi.export("image", i.image_id)
pulumi.export("container", c.id)
pulumi.export("network", n.id)
pulumi.export("volume", data.id)
pulumi.export("mountpoint", data.mountpoint)
pulumi.export("ports", c.ports)
pulumi.export("addresses", c.network_datas)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.3.1", 0))
        return int(probe.getsockname()[1])


def test_a_container_with_everything_stays_as_it_is(stack: ScratchStack) -> None:
    port = free_port()
    stack.program(EVERYTHING)
    stack.up(port=port)
    assert stack.changes() == {}
    assert "unchanged" in stack.refresh()
    assert stack.changes() == {}
    first = stack.container()

    outputs = stack.outputs()
    assert outputs["container"] == first["Id"] and len(first["Id"]) == 64
    assert outputs["image"] == stack.engine.api.inspect_image(BASE_IMAGE)["Id"]
    assert outputs["network"] == stack.engine.api.inspect_network(stack.name + "-net")["Id"]
    assert outputs["volume"] == stack.name + "-data"
    assert outputs["mountpoint"] == stack.engine.api.inspect_volume(stack.name + "-data")["Mountpoint"]
    assert {one["network_name"]: one["ip_address"] for one in outputs["addresses"]}[
        stack.name + "-net"
    ] == f"{stack.net}.5"
    assert outputs["ports"][0]["external"] == port and outputs["ports"][1]["external"] > 0

    state = stack.state()
    assert state["image"]["id"] == outputs["image"] + BASE_IMAGE
    assert state["all"]["type"] == "docker:index/container:Container"
    raw = stack.run("stack", "export")
    assert "top-s3cret" not in raw and "plain" not in raw
    for side in ("inputs", "outputs"):
        assert "ciphertext" in state["all"][side]["uploads"], "one secret upload makes the whole list secret"

    # The published port answers beside an internal network.
    def answers() -> bool:
        with socket.socket() as client:
            client.settimeout(2)
            return client.connect_ex(("127.0.3.1", port)) == 0 and client.recv(16) == b"hello\n"

    eventually(answers)
    assert first["NetworkSettings"]["Networks"][stack.name + "-net"]["IPAddress"] == f"{stack.net}.5"
    assert stack.engine.api.inspect_network(stack.name + "-inside")["Internal"] is True

    # A change that replaces keeps the static address and the port; nothing else is touched.
    stack.edit('max-size": "1m', 'max-size": "2m')
    change = stack.changes()
    assert set(change) == {"all"} and change["all"].replaces == ("logOpts",)
    stack.up()
    second = stack.container()
    assert second["Id"] != first["Id"]
    assert second["NetworkSettings"]["Networks"][stack.name + "-net"]["IPAddress"] == f"{stack.net}.5"
    assert stack.changes() == {}


def test_an_up_with_nothing_to_do_is_quick_and_a_preview_needs_no_engine(stack: ScratchStack) -> None:
    stack.program(
        """
i, n = image(), network()
for x in "abc":
    docker.Volume(x, name=f"{NAME}-{x}")
docker.Container("c", name=NAME, image=i.image_id, command=["sleep", "1000"], stop_timeout=1, init=True, opts=FIRST)
"""
    )
    nowhere = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    assert "7 to create" in stack.run("preview", environment=nowhere)
    stack.up()
    begin = time.monotonic()
    assert "7 unchanged" in stack.up()
    took = time.monotonic() - begin
    assert took < 15, f"{took:.1f} s; the official plugin took 3.7 s on a quiet machine"
    assert "7 unchanged" in stack.run("preview", "--expect-no-changes", environment=nowhere)


def test_names_are_made_up_where_the_program_gives_none(stack: ScratchStack) -> None:
    stack.program(
        """
i = image()
prefix = NAME + "-auto"
v = docker.Volume(prefix)
c = docker.Container(prefix + "-c", image=i.image_id, command=P.get("command", ["sleep", "1000"]), init=True)
pulumi.export("volume", v.name)
pulumi.export("container", c.name)
"""
    )
    stack.steady()
    first = stack.outputs()
    assert first["volume"].startswith(stack.name + "-auto-")
    stack.up(command=["sleep", "1001"])
    second = stack.outputs()
    assert second["volume"] == first["volume"]
    assert second["container"] != first["container"], (
        "a replacement is made before its predecessor goes, so it is named anew"
    )


def test_nothing_of_the_plugin_warns(stack: ScratchStack) -> None:
    stack.program("network()")
    assert "warning" not in stack.up().lower()
    assert "$PATH" not in stack.run("preview")
