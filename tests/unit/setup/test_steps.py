"""Lanes, failures and retries of setup."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scripts.setup import shell
from scripts.setup.paths import TREE
from scripts.setup.shell import Failure
from scripts.setup.steps import Step, run_lanes


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands of these tests do not belong into the machine's own log."""
    monkeypatch.setenv("MAILTENANT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "setup.log"


def test_lanes_run_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> str:
        meeting.wait()
        return "met"

    run_lanes([[Step("one", meet)], [Step("two", meet)]])


def test_a_failure_ends_its_lane_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []

    def fail() -> str:
        raise Failure("no engine; start one")

    def mark(name: str) -> Step:
        return Step(name, lambda: done.append(name) or "done")

    with pytest.raises(Failure, match=r"^broken: no engine; start one$"):
        run_lanes(
            [[Step("broken", fail), mark("next")], [mark("other")], [Step("waits", str, after=("next",)), mark("last")]]
        )
    assert done == ["other"]
    assert "broken         FAILED" in capsys.readouterr().out


def test_an_unforeseen_error_is_a_failure_too() -> None:
    with pytest.raises(Failure, match=r"^odd: ZeroDivisionError"):
        run_lanes([[Step("odd", lambda: str(1 // 0))]])


def test_a_step_waits_for_the_other_lane() -> None:
    done: list[str] = []
    gate = threading.Event()

    def slow() -> str:
        gate.wait(10)
        done.append("slow")
        return ""

    def opener() -> str:
        gate.set()
        return ""

    def after() -> str:
        done.append("after")
        return ""

    run_lanes([[Step("after", after, after=("slow",))], [Step("slow", slow)], [Step("opener", opener)]])
    assert done == ["slow", "after"]


def test_a_command_is_tried_again(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = 'printf x >>"$0"; [ "$(wc -c <"$0")" -ge 3 ]'
    shell.run(["sh", "-c", script, count], attempts=5, pause=0.01)
    assert count.read_text() == "xxx"


def test_a_failed_command_shows_its_last_words_and_the_log(log: Path) -> None:
    with pytest.raises(Failure, match=r"exit 4: .*disk full.*setup\.log"):
        shell.run(["sh", "-c", "echo starting; echo disk full >&2; exit 4"])
    assert "starting" in log.read_text()


def test_a_missing_command_is_no_answer() -> None:
    assert shell.answers(["mailtenant-no-such-command"]) is None
    with pytest.raises(Failure, match="not found"):
        shell.run(["mailtenant-no-such-command"])


def test_a_command_that_hangs_is_ended() -> None:
    assert shell.answers(["sleep", "30"], timeout=0.2) is None


def test_a_cache_that_cannot_be_made_is_named_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [sys.executable, TREE / "scripts" / "setup", "stop-engine"]
    environment = {**os.environ, "MAILTENANT_CACHE": str(tmp_path / "file" / "cache")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    assert "Not a directory; name another folder: MAILTENANT_CACHE=" in done.stdout
