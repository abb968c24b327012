"""A scratch stack for each module: an empty project and backend, and nothing left on the engine afterwards."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import docker
import pytest

from mailtenant.environment import tool_environment

from .scratch import BASE_IMAGE, MARK, ScratchStack, remove_all, remove_leftovers

_COUNTER = itertools.count()


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env(environment=tool_environment())
    remove_leftovers(client)
    client.api.tag("mailtenant/base:trixie", BASE_IMAGE)
    try:
        yield client
    finally:
        remove_all(client, f"{MARK}{os.getpid()}-")
        client.close()


@pytest.fixture
def stack(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchStack]:
    number = next(_COUNTER)
    folder = tmp_path_factory.mktemp("project")
    environment = tool_environment()
    environment |= {
        "PULUMI_BACKEND_URL": f"file://{tmp_path_factory.mktemp('backend')}",
        "PULUMI_CONFIG_PASSPHRASE": "of the tests, not a secret",
    }
    name = f"{MARK}{os.getpid()}-{number}"
    scratch = ScratchStack(folder, environment, name, f"10.88.{(os.getpid() + number) % 256}", engine)
    try:
        yield scratch
    finally:
        remove_all(engine, name)


@pytest.fixture
def bare_stack(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ScratchStack]:
    """A stack of its own for a program text that needs no Docker engine."""

    def make(program: str) -> ScratchStack:
        folder = tmp_path_factory.mktemp("project")
        environment = tool_environment() | {
            "PULUMI_BACKEND_URL": f"file://{tmp_path_factory.mktemp('backend')}",
            "PULUMI_CONFIG_PASSPHRASE": "of the tests, not a secret",
        }
        (folder / "Pulumi.yaml").write_text("name: scratch\nruntime: python\n")
        (folder / "__main__.py").write_text(program)
        stack = ScratchStack(folder, environment, "zone", "", None)
        stack.run("stack", "init", "s")
        return stack

    return make
