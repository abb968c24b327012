"""A machine without the engine, its client or the Pulumi CLI: exit code 3 and the fix, from every command alike."""

from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Cli
from tests.unit.settings.files import a_stack_file

SILENT = "Cannot connect to the Docker daemon at unix:///nowhere. Is the docker daemon running?"


@pytest.fixture
def tenant(project: Path) -> Path:
    """The stack file of acme; nothing of it runs."""
    return a_stack_file(project, "acme", 0).path


def tools(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Children find `docker` and `pulumi` in this folder only."""
    environment = {"PATH": str(folder), "PULUMI_CONFIG_PASSPHRASE": "x"}
    for module in ("environment", "fleet.stacks", "fleet.stack_config", "cli.stack_edit", "cli.recover"):
        monkeypatch.setattr(f"mailtenant.{module}.tool_environment", lambda: dict(environment))


@pytest.mark.parametrize("command", [("down", "acme"), ("recover",), ("recover", "acme"), ("mailbox", "list", "acme")])
def test_an_engine_that_does_not_answer(
    tenant: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\necho '{SILENT}' >&2\nexit 1\n", encoding="utf-8")
    docker.chmod(0o755)
    tools(monkeypatch, tmp_path)
    ended = cli(*command)
    assert (ended.code, ended.out) == (3, "")
    assert "engine answers" in ended.err
    assert "could not be emptied" not in ended.err


@pytest.mark.parametrize("command", [("down", "acme"), ("recover",), ("mailbox", "list", "acme")])
def test_no_docker_client(
    tenant: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    tools(monkeypatch, tmp_path)
    ended = cli(*command)
    assert (ended.code, "`docker` client is not on PATH" in ended.err) == (3, True)


@pytest.mark.parametrize("command", [("dkim", "rotate", "acme"), ("web-certificate", "acme")])
def test_no_pulumi(
    tenant: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    before = tenant.read_bytes()
    tools(monkeypatch, tmp_path)
    ended = cli(*command)
    assert (ended.code, "run `make setup`" in ended.err) == (3, True)
    assert tenant.read_bytes() == before


def test_a_plan_of_records_that_is_refused_is_an_answer(tenant: Path, cli: Cli) -> None:
    """`render` writes zones, so it meets the planner's rules as well."""
    config = yaml.safe_load(tenant.read_text(encoding="utf-8"))
    spf = " ".join(["v=spf1", *(f"include:_spf{n}.example.net" for n in range(12)), "-all"])
    record = {"name": "acme.test", "type": "TXT", "value": spf, "ttl": 300}
    config["config"]["mailtenant:dnsPhase"] = "additive"
    config["config"]["mailtenant:dnsExisting"] = {"acme.test": {"taken": "2026-11-01T00:00:00Z", "records": [record]}}
    tenant.write_text(yaml.safe_dump(config), encoding="utf-8")
    for command in (("render", "acme", "--output", "tree"), ("records", "acme")):
        ended = cli(*command)
        assert (ended.code, "SPF-2 acme.test" in ended.err) == (1, True)
