"""`python -m bench`: names, the page, exit codes. What is measured is a pretend benchmark."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as command
from bench.lock import only_run
from bench.results import Aim, BenchError, Figure, Result


@pytest.fixture
def one_benchmark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A single benchmark `pretend` whose answer the test chooses."""
    answer: dict[str, Any] = {"value": 1.0}

    def measure(_: object) -> Result:
        if isinstance(answer["value"], Exception):
            raise answer["value"]
        return Result("pretend", "Pretend", "How.", (Figure("figure", answer["value"], "s", aim=Aim("at most", 2)),))

    monkeypatch.setattr(command, "BENCHMARKS", {"pretend": measure})
    monkeypatch.setattr(command, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(command, "LOCK", tmp_path / "lock")
    # The signals belong to the test runner.
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(command, "engine_client", lambda: None)
    monkeypatch.setattr(command, "describe", lambda client, date: {"cores": "2"} | ({"date": date} if date else {}))
    return answer


@pytest.mark.usefixtures("one_benchmark")
def test_a_whole_run_writes_the_page(tmp_path: Path) -> None:
    assert command.main(["--date", "2026-11-24", "--json", str(tmp_path / "figures.json")]) == 0
    page = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "python -m bench\n" in page and "date 2026-11-24" in page and "| figure | 1 s | ≤ 2 | met |" in page
    assert json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))["results"][0]["name"] == "pretend"


@pytest.mark.parametrize("arguments", [["--quick"], ["pretend"]])
@pytest.mark.usefixtures("one_benchmark")
def test_a_part_does_not_overwrite_the_page_of_a_whole_run(arguments: list[str], tmp_path: Path) -> None:
    assert command.main(arguments) == 0
    assert not (tmp_path / "benchmarks.md").exists()
    assert command.main([*arguments, "--output", str(tmp_path / "other.md")]) == 0
    assert " ".join(["python -m bench", *arguments]) in (tmp_path / "other.md").read_text(encoding="utf-8")


def test_a_missed_aim_is_said_and_exits_with_1(
    one_benchmark: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one_benchmark["value"] = 3.0
    assert command.main([]) == 1
    assert "bench: aim missed: figure" in capsys.readouterr().err
    assert "missed" in (tmp_path / "benchmarks.md").read_text(encoding="utf-8")


def test_a_failed_benchmark_is_one_line_and_leaves_the_page_alone(
    one_benchmark: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one_benchmark["value"] = BenchError("the floor does not answer; see its log")
    assert command.main([]) == 1
    assert capsys.readouterr().err == "bench: the floor does not answer; see its log\n"
    assert not (tmp_path / "benchmarks.md").exists()


@pytest.mark.usefixtures("one_benchmark")
def test_two_runs_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with only_run(command.LOCK):
        assert command.main([]) == 1
    assert "another run is at work" in capsys.readouterr().err
    assert command.main([]) == 0


@pytest.mark.usefixtures("one_benchmark")
def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["speed"]) == 2
    assert capsys.readouterr().err == "bench: unknown: speed; there are pretend\n"
