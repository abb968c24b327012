"""Every way to start a tool finds the same CLI, plugin and engine: env.sh, the wrapper, and tool_environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mailtenant.environment import tool_environment
from scripts.setup import settings

TREE = Path(__file__).parents[3]
SEEN = ["PATH", "DOCKER_HOST", "PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_SKIP_UPDATE_CHECK", "MAILTENANT_PYTHON"]
BASE = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
FOUND = {
    "MAILTENANT_PULUMI": "/opt/a place/pulumi",
    "MAILTENANT_PYTHON": "/tree/.venv/bin/python",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_HOME": "/cache/pulumi-home",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    "DOCKER_HOST": "unix:///cache/engine/docker.sock",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree that setup has prepared, with a stand-in for the CLI that tells what it was given."""
    made = tmp_path / "a tree"
    (made / ".venv" / "bin").mkdir(parents=True)
    (made / "stacks").mkdir()
    cli = made / "cli" / "pulumi"
    cli.parent.mkdir()
    cli.write_text('#!/bin/sh\necho "arguments: $*"\nenv\n')
    cli.chmod(0o755)
    (made / "env.sh").write_text((TREE / "env.sh").read_text())
    found = {**FOUND, "MAILTENANT_PULUMI": str(cli.parent)}
    (made / ".venv" / "mailtenant.env").write_text(settings.render(found))
    wrapper = made / ".venv" / "bin" / "pulumi"
    wrapper.write_text(settings.wrapper(made))
    wrapper.chmod(0o755)
    return made


def from_shell(tree: Path, words: str = "", **given: str) -> dict[str, str]:
    command = ["bash", "-euc", f". ./env.sh {words}; env"]
    done = subprocess.run(
        command, cwd=tree, env={**BASE, **given}, capture_output=True, text=True, check=True, timeout=10
    )
    assert done.stderr == ""
    return _variables(done.stdout)


def from_wrapper(tree: Path, *words: str, **given: str) -> dict[str, str]:
    command = [tree / ".venv" / "bin" / "pulumi", *words]
    done = subprocess.run(
        command, cwd="/", env={**BASE, **given}, capture_output=True, text=True, check=True, timeout=10
    )
    assert done.stdout.startswith(f"arguments: {' '.join(words)}\n")
    return _variables(done.stdout)


def _variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def test_shell_wrapper_and_python_agree(tree: Path) -> None:
    shell, wrapper = from_shell(tree), from_wrapper(tree, "version")
    python = tool_environment(BASE, tree / ".venv" / "mailtenant.env")
    for name in SEEN:
        assert shell[name] == wrapper[name] == python[name], name
    assert shell["PULUMI_BACKEND_URL"] == f"file://{tree}/.state"
    assert (tree / ".state").is_dir()
    assert shell["PATH"] == f"{tree}/.venv/bin:{tree}/cli:/usr/bin:/bin"
    assert shell["DOCKER_HOST"] == FOUND["DOCKER_HOST"]


def test_what_the_person_has_set_stays(tree: Path) -> None:
    given = {"DOCKER_HOST": "ssh://mail@host", "PULUMI_BACKEND_URL": "s3://state"}
    python = tool_environment({**BASE, **given}, tree / ".venv" / "mailtenant.env")
    for seen in (from_shell(tree, **given), from_wrapper(tree, **given), python):
        assert {name: seen[name] for name in given} == given
    assert not (tree / ".state").exists()


def test_paths_from_the_current_folder_hold_in_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"PULUMI_CONFIG_PASSPHRASE_FILE": "stacks/passphrase.txt", "PULUMI_BACKEND_URL": "file://./state"}
    python = tool_environment({**BASE, **given}, tmp_path / "no file")
    assert python["PULUMI_CONFIG_PASSPHRASE_FILE"] == f"{tmp_path}/stacks/passphrase.txt"
    assert python["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/state"


@pytest.mark.parametrize("backend", ["file:///srv/state", "file://~", "file://~/state", "s3://state", "https://a.test"])
def test_a_backend_that_means_the_same_everywhere_stays(tmp_path: Path, backend: str) -> None:
    given = {"PULUMI_CONFIG_PASSPHRASE_FILE": "/srv/passphrase", "PULUMI_BACKEND_URL": backend}
    assert tool_environment({**BASE, **given}, tmp_path / "no file") == {**BASE, **given}


def test_reading_env_sh_twice_changes_nothing(tree: Path) -> None:
    once = from_shell(tree)
    assert from_shell(tree, **{name: once[name] for name in SEEN})["PATH"] == once["PATH"]


def test_only_the_word_demo_gives_the_published_passphrase(tree: Path) -> None:
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in from_shell(tree)
    assert from_shell(tree, "demo")["PULUMI_CONFIG_PASSPHRASE_FILE"] == f"{tree}/stacks/demo-passphrase.txt"
    kept = from_shell(tree, "demo", PULUMI_CONFIG_PASSPHRASE="mine")
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in kept


@pytest.mark.parametrize(
    "words",
    [
        ["preview", "-s", "acme"],
        ["up", "--stack", "acme", "--yes"],
        ["up", "--stack=acme"],
        ["up", "-sacme"],
        ["stack", "init", "acme"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(("domain", "demo"), [("outboxment.test", True), ("outboxment.com", False)])
def test_the_wrapper_gives_it_to_stacks_of_a_reserved_domain_alone(
    tree: Path, words: list[str], domain: str, demo: bool
) -> None:
    stack_file = tree / "stacks" / "Pulumi.acme.yaml"
    stack_file.write_text(f"config:\n  mailtenant:tenant:\n    label: acme\n    platform_domain: {domain}  # ours\n")
    assert ("PULUMI_CONFIG_PASSPHRASE_FILE" in from_wrapper(tree, *words)) is demo
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in from_wrapper(tree, "preview", "-s", "other")


def test_a_tree_without_setup_says_so(tree: Path) -> None:
    (tree / ".venv" / "mailtenant.env").unlink()
    done = subprocess.run(["bash", "-c", ". ./env.sh"], cwd=tree, env=BASE, capture_output=True, text=True, check=False)
    assert "make setup" in done.stderr
    assert tool_environment(BASE, tree / ".venv" / "mailtenant.env") == BASE
