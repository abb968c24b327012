"""A small Pulumi project of its own: a program text, its parameters, the real CLI, and what the engine then holds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError

from world.faulty_server import Fault, FaultyServer

MARK = "mtp-"
BASE_IMAGE = f"{MARK}{os.getpid()}-image:base"
"""Our own name for the base image: nobody builds it anew while the tests run."""

_PRELUDE = f'''
import json, pathlib
import pulumi, pulumi_docker as docker
from pulumi import Output, ResourceOptions
P = json.loads(pathlib.Path(__file__).with_name("parameters.json").read_text())
NAME, NET = P["NAME"], P["NET"]
FIRST = ResourceOptions(delete_before_replace=True)
def image():
    return docker.RemoteImage("image", name="{BASE_IMAGE}", keep_locally=True)
def network(**more):
    subnet = docker.NetworkIpamConfigArgs(subnet=NET + ".0/28", gateway=NET + ".1")
    return docker.Network("network", name=NAME + "-net", ipam_configs=[subnet], **more)
'''


class CommandFailed(AssertionError):
    """The CLI exited with an error; the text is everything it said."""


@dataclass(frozen=True)
class Step:
    """One resource in a preview."""

    op: str
    detailed: dict[str, str]  # path → kind
    replaces: tuple[str, ...]


@dataclass
class ScratchStack:
    """`stack.run("up", …)` and friends; names begin with `name`, addresses with `net` (three octets)."""

    folder: Path
    environment: dict[str, str]
    name: str
    net: str
    engine: docker.DockerClient | None

    def program(self, text: str) -> None:
        (self.folder / "Pulumi.yaml").write_text("name: scratch\nruntime: python\n")
        (self.folder / "__main__.py").write_text(_PRELUDE + text)
        self.set()
        self.run("stack", "init", "s")

    def set(self, **parameters: Any) -> None:
        """What the program finds in `P`."""
        values = {"NAME": self.name, "NET": self.net, **parameters}
        (self.folder / "parameters.json").write_text(json.dumps(values))

    def edit(self, old: str, new: str) -> None:
        """An edit of the program."""
        path = self.folder / "__main__.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Everything that the CLI said."""
        ran = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
        )
        if ran.returncode != 0:
            raise CommandFailed(ran.stdout)
        return ran.stdout

    def up(self, **parameters: Any) -> str:
        if parameters:
            self.set(**parameters)
        return self.run("up", "--yes", "--skip-preview")

    def killed_up(self, api: FaultyServer, writes: int, **parameters: Any) -> None:
        """An `up` that is killed with its plugins when the API has seen that many writes; then the lock is lifted.

        The answers are held back, so that the engine cannot have stored what the last write did.
        """
        self.set(**parameters)
        api.journal.clear()
        # Reads are quick; each write takes effect at once and is answered late.
        holds = [Fault("late", method=method, seconds=1.0, times=99) for method in ("POST", "PUT", "DELETE")]
        process = subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--parallel", "1"],
            cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        api.faults += holds
        try:
            eventually(lambda: len(api.writes) >= writes or process.poll() is not None, 120)
            assert process.poll() is None, "the run ended before it could be killed"
        finally:
            kill_session(process.pid)
            process.wait()
            api.faults[:] = [fault for fault in api.faults if fault not in holds]
        self.run("cancel", "--yes")

    def refresh(self) -> str:
        return self.run("refresh", "--yes", "--skip-preview", "--diff")

    def drift(self) -> dict[str, Step]:
        """What a preview that refreshes first would change."""
        return self.changes("--refresh")

    def changes(self, *options: str, **parameters: Any) -> dict[str, Step]:
        """What a preview would change, by resource name."""
        if parameters:
            self.set(**parameters)
        document = json.loads(self.run("preview", "--json", *options))
        return {
            step["urn"].rpartition("::")[2]: Step(
                step["op"],
                {path: one["kind"] for path, one in (step.get("detailedDiff") or {}).items()},
                tuple(sorted(step.get("replaceReasons") or ())),
            )
            for step in document["steps"]
            if step["op"] not in ("same", "read", "refresh") and "providers:" not in step["urn"]
        }

    def steady(self, **parameters: Any) -> None:
        """Up, and then nothing to do, also after a refresh."""
        self.up(**parameters)
        assert self.drift() == {}

    def state(self) -> dict[str, dict[str, Any]]:
        """The stored resources by name."""
        resources = json.loads(self.run("stack", "export"))["deployment"].get("resources", [])
        return {resource["urn"].rpartition("::")[2]: resource for resource in resources}

    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("stack", "output", "--json"))
        return found

    def container(self, name: str = "") -> Any:
        assert self.engine is not None
        return self.engine.api.inspect_container(self.name + name)

    def inside(self, command: str, name: str = "") -> str:
        """What a shell command inside a container says."""
        assert self.engine is not None
        ran: Any = self.engine.containers.get(self.name + name).exec_run(["sh", "-c", command])
        return str(ran.output.decode())


def kill_session(leader: int) -> None:
    """Kills a process and all that it has started: plugins have process groups of their own, but the same session."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                os.kill(int(stat.parent.name), signal.SIGKILL)


def eventually(check: Any, limit: float = 20.0) -> Any:
    """Polls until `check()` is true."""
    end = time.monotonic() + limit
    while not (value := check()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return value


def remove_all(engine: docker.DockerClient, prefix: str) -> None:
    """Every container, network and volume whose name begins so."""
    for entry in engine.api.containers(all=True):
        if any(name.lstrip("/").startswith(prefix) for name in entry["Names"]):
            _quietly(engine.api.remove_container, entry["Id"], v=True, force=True)
    for entry in engine.api.networks():
        if entry["Name"].startswith(prefix):
            _quietly(engine.api.remove_network, entry["Id"])
    for entry in engine.api.volumes()["Volumes"] or ():
        if entry["Name"].startswith(prefix):
            _quietly(engine.api.remove_volume, entry["Name"])
    for entry in engine.api.images():
        for tag in entry["RepoTags"] or ():
            if tag.startswith(prefix):
                _quietly(engine.api.remove_image, tag, force=True)


def _quietly(remove: Any, *arguments: Any, **named: Any) -> None:
    try:
        remove(*arguments, **named)
    except APIError as error:
        if error.status_code != 404:
            raise


def remove_leftovers(engine: docker.DockerClient) -> None:
    """What killed test runs left behind: their process id is in the names."""
    names = [name for entry in engine.api.containers(all=True) for name in entry["Names"]]
    names += [entry["Name"] for entry in engine.api.networks()]
    names += [entry["Name"] for entry in engine.api.volumes()["Volumes"] or ()]
    names += [tag for entry in engine.api.images() for tag in entry["RepoTags"] or ()]
    owners = {name.lstrip("/").split("-")[1] for name in names if name.lstrip("/").startswith(MARK)}
    for owner in owners:
        if owner.isdigit() and not Path(f"/proc/{owner}").exists() and int(owner) != os.getpid():
            remove_all(engine, f"{MARK}{owner}-")
