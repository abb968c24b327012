"""A project in a folder of its own, and the command line run in this process."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailtenant.cli.app import run
from mailtenant.control.configuration import ControlSettings
from mailtenant.control.plane import ControlPlane, open_plane

TREE = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ended]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project; the current folder is in it."""
    folder = tmp_path / "project"
    (folder / "stacks").mkdir(parents=True)
    shutil.copy(TREE / "Pulumi.yaml", folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MAILTENANT_PROJECT", raising=False)
    return folder


@pytest.fixture
def empty_plane(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> ControlPlane:
    """A control plane on a database of its own, without customers; commands find it by the environment."""
    settings = {"MAILTENANT_DATABASE_URL": f"sqlite:///{tmp_path / 'c.db'}", "MAILTENANT_KEY_FILE": str(tmp_path / "k")}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return open_plane(ControlSettings.from_environment(settings))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli("validate", "--json")` → what it left."""

    def call(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return call
