"""Rows of the oracle: what is refused, and what happens when the engine is not there, or goes away."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from .scratch import CommandFailed, ScratchStack

ONE = """
i = image()
docker.Volume("v", name=NAME + "-v")
docker.Container("c", name=NAME, image=i.image_id, command=["sleep", "1000"], init=True, **P.get("more", {}))
"""
NOWHERE = "unix:///nonexistent/docker.sock"


def failure(stack: ScratchStack, *arguments: str, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(CommandFailed) as failed:
        stack.run(*(arguments or ("up", "--yes", "--skip-preview")), environment=environment)
    said = str(failed.value)
    assert "Traceback" not in said and "Unexpected <class" not in said
    return said


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"privileged": True}, "privileged"),
        ({"uploads": [{"file": "/a", "content": "x", "owner": "root"}]}, "owner"),
    ],
)
def test_an_input_that_is_not_implemented_is_refused_before_anything_is_made(
    stack: ScratchStack, more: dict[str, Any], key: str
) -> None:
    stack.program(ONE)
    stack.set(more=more)
    said = failure(stack, "preview")
    assert f'Invalid or unknown key "{key}"' in said and "Container" in said
    said = failure(stack)
    assert f'Invalid or unknown key "{key}"' in said
    assert stack.engine.api.containers(all=True, filters={"name": stack.name}) == []


def test_a_type_that_is_not_implemented_is_refused(stack: ScratchStack) -> None:
    stack.program("docker.Tag('t', source_image='a', target_image='b')")
    assert "does not implement docker:index/tag:Tag" in failure(stack, "preview")


def test_settings_of_the_provider_that_are_not_implemented_are_refused(stack: ScratchStack) -> None:
    stack.program("p = docker.Provider('p', **P['p'])\ndocker.Volume('v', name=NAME, opts=ResourceOptions(provider=p))")
    stack.set(p={"host": "npipe:////./pipe/docker"})
    assert "host" in failure(stack, "preview")
    stack.set(p={"ssh_opts": ["-v"]})
    assert 'Invalid or unknown key "sshOpts"' in failure(stack, "preview")
    stack.up(p={"host": stack.environment["DOCKER_HOST"], "disable_docker_daemon_check": True})
    assert stack.engine.api.inspect_volume(stack.name)


def test_without_an_engine_the_error_is_one_sentence_with_the_way_out(stack: ScratchStack) -> None:
    stack.program(ONE)
    said = failure(stack, environment={"DOCKER_HOST": NOWHERE})
    assert f"the Docker engine at {NOWHERE} does not answer (No such file or directory)" in said
    assert "set docker:host or DOCKER_HOST" in said
    stack.up()
    before = stack.state()
    said = failure(stack, "refresh", "--yes", "--skip-preview", environment={"DOCKER_HOST": NOWHERE})
    assert "does not answer" in said
    assert {name: one["id"] for name, one in stack.state().items() if "id" in one} == {
        name: one["id"] for name, one in before.items() if "id" in one
    }
    assert stack.changes() == {}


class Gateway(threading.Thread):
    """A TCP address in front of the engine that can be shut, with every connection through it."""

    def __init__(self, engine: str) -> None:
        super().__init__(daemon=True)
        self._engine = urlsplit(engine).path
        self._listener = socket.create_server(("127.0.3.1", 0))
        self._open: list[socket.socket] = []
        self.address = f"tcp://127.0.3.1:{self._listener.getsockname()[1]}"
        self.start()

    def run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self._engine)
            self._open += [client, engine]
            for source, target in ((client, engine), (engine, client)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def shut(self) -> None:
        for one in (self._listener, *self._open):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._listener.close()


def test_an_engine_that_goes_away_in_the_middle_leaves_a_state_to_go_on_from(stack: ScratchStack) -> None:
    gateway = Gateway(stack.environment["DOCKER_HOST"])
    stack.program(
        """
i = image()
v = docker.Volume("v", name=NAME + "-v")
docker.Container("c", name=NAME, image=i.image_id, command=["sleep", "1000"], init=True, stop_timeout=1, wait=True,
    healthcheck=docker.ContainerHealthcheckArgs(tests=["CMD", "test", "-e", "/data/ready"], interval="1s", retries=60),
    volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=v.name)], opts=FIRST)
"""
    )

    def shut_when_it_waits() -> None:
        for _ in range(1200):
            running = stack.engine.api.containers(filters={"name": stack.name})
            if running:
                break
            threading.Event().wait(0.05)
        gateway.shut()

    watcher = threading.Thread(target=shut_when_it_waits)
    watcher.start()
    try:
        said = failure(stack, environment={"DOCKER_HOST": gateway.address})
    finally:
        watcher.join()
    assert f"the Docker engine at {gateway.address} does not answer" in said
    state = stack.state()
    assert state["v"]["id"] == stack.name + "-v"
    assert state["c"]["id"] == stack.container()["Id"], "the half-made container is not lost"

    first = stack.container()["Id"]
    ready = threading.Thread(target=make_ready, args=(stack, first))
    ready.start()
    try:
        stack.up()
    finally:
        ready.join()
    assert stack.container()["Id"] != first
    assert stack.changes() == {}


def make_ready(stack: ScratchStack, but: str) -> None:
    """Makes the container that follows `but` healthy."""
    for _ in range(1200):
        running = [one for one in stack.engine.api.containers(filters={"name": stack.name}) if one["Id"] != but]
        if running:
            stack.engine.containers.get(running[0]["Id"]).exec_run(["touch", "/data/ready"])
            return
        threading.Event().wait(0.05)


def test_a_remote_engine_is_reached_through_the_ssh_client(stack: ScratchStack, tmp_path: Path) -> None:
    """The ssh client here is a stand-in that does what `docker system dial-stdio` does at the other end."""
    said = tmp_path / "said"
    stand_in = tmp_path / "bin" / "ssh"
    stand_in.parent.mkdir()
    stand_in.write_text(
        f"""#!{shutil.which("python3")}
import os, socket, sys, threading
open({str(said)!r}, "a").write(" ".join(sys.argv[1:]) + "\\n")
engine = socket.socket(socket.AF_UNIX)
engine.connect({urlsplit(stack.environment["DOCKER_HOST"]).path!r})
def up():
    while data := os.read(0, 65536):
        engine.sendall(data)
    engine.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := engine.recv(65536):
    os.write(1, data)
"""
    )
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    stack.program(ONE)
    stack.environment |= {
        "PATH": f"{stand_in.parent}{os.pathsep}{stack.environment['PATH']}",
        "DOCKER_HOST": "ssh://mail@host.test:2222",
    }
    stack.steady(more={"uploads": [{"file": "/etc/ours", "content": "x" * 300_000}]})
    assert stack.container()["State"]["Running"]
    line = said.read_text().splitlines()[0]
    assert line.endswith("-p 2222 -- mail@host.test docker system dial-stdio")
    stand_in.write_text("#!/bin/sh\nexit 255\n")
    assert "the Docker engine at ssh://mail@host.test:2222 does not answer" in failure(stack, "refresh", "--yes")


def test_found_on_the_path_the_plugin_works_with_a_warning(stack: ScratchStack, tmp_path: Path) -> None:
    (plugin,) = Path(stack.environment["PULUMI_HOME"]).glob("plugins/resource-docker-v*/pulumi-resource-docker")
    stack.program("network()")
    elsewhere = {
        "PULUMI_HOME": str(tmp_path),
        "PATH": f"{plugin.parent}{os.pathsep}{stack.environment['PATH']}",
    }
    said = stack.run("preview", environment=elsewhere)
    assert "using pulumi-resource-docker from $PATH" in said
