"""`python -m world.demo`, as `make demo` and `make demo-down` call it: what goes wrong is one line, not a traceback."""

import sys
from pathlib import Path

import pytest
from docker.errors import DockerException

from world import demo


@pytest.fixture(autouse=True)
def environment_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_use_demo_environment", lambda: None)
    monkeypatch.setattr(sys, "argv", ["world.demo", "down", "--yes"])


def test_no_engine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def silent() -> None:
        raise DockerException("connection aborted")

    monkeypatch.setattr(demo, "engine_client", silent)
    assert demo.main() == 1
    assert "no Docker engine answers" in capsys.readouterr().err


def test_a_stack_file_that_was_edited_wrongly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "TREE", tmp_path)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.acme.yaml").write_text("config: [", encoding="utf-8")
    assert demo.main() == 1
    assert "is not valid YAML" in capsys.readouterr().err
