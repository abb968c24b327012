"""What setup installs is pinned, by hash, without the address of any registry, and the numbers agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.setup import versions

TREE = Path(__file__).parents[3]
LOCKS = [TREE / "requirements.lock", TREE / "scripts" / "setup" / "go" / "requirements.lock"]
GO = TREE / "scripts" / "setup" / "go"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.parent.name)
def test_every_locked_package_has_one_version_and_hashes(lock: Path) -> None:
    lines = [line for line in lock.read_text().splitlines() if line and not line.startswith("#")]
    entries = re.split(r"(?m)^(?=\S)", "\n".join(lines))[1:]
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\S+ ", entry), entry.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


@pytest.mark.parametrize("file", [*LOCKS, *GO.glob("*/go.*")], ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_lock_names_a_registry(file: Path) -> None:
    text = file.read_text()
    assert "://" not in text
    assert "index-url" not in text
    assert "find-links" not in text


def test_lock_holds_what_the_project_asks_for() -> None:
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", LOCKS[0].read_text()))
    asked = re.findall(
        r'(?m)^    "([A-Za-z0-9.-]+)', (TREE / "pyproject.toml").read_text().split("[project.scripts]")[0]
    )
    assert asked
    assert {name.lower().replace(".", "-") for name in asked} <= locked


def test_cli_and_sdk_are_of_the_same_release() -> None:
    required = (GO / "pulumi" / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{versions.pulumi()}\n" in required
    assert f"github.com/pulumi/pulumi/sdk/v3 v{versions.pulumi()}" in required
    locked = LOCKS[0].read_text()
    assert f"\npulumi=={versions.pulumi()} " in locked
    for name in ("docker", "cloudflare"):
        assert f"\npulumi-{name}=={versions.plugin(name)} " in locked
