"""A rollout through real workflows on a real database file, with played tenants: order, halt, kill, resume."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailtenant.control.database import Database
from mailtenant.fleet.journal import FleetError, Journal, Planned, RolloutView

LABELS = ["a", "b", "c", "d", "e", "f"]


def until(probe: Callable[[], object], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not probe():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Fleet:
    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, f"sqlite:///{folder / 'fleet.db'}"

    def process(self, command: str, *labels: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "tests.unit.fleet.player", self.url, str(self.folder), command, *labels]
        return subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, command: str, *labels: str) -> int:
        process = self.process(command, *labels)
        try:
            said, _ = process.communicate(timeout=240)
        finally:
            process.kill()
        assert process.returncode in (0, 1), said
        return process.returncode

    def touch(self, name: str) -> Path:
        (self.folder / name).touch()
        return self.folder / name

    def view(self) -> RolloutView:
        database = Database(self.url)
        try:
            found = Journal(database).latest()
            assert found
            return found
        finally:
            database.close()

    def states(self) -> dict[str, str]:
        return {run.label: run.state for run in self.view().runs}

    def log(self) -> list[list[str]]:
        path = self.folder / "log"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def ups(self, label: str) -> list[str]:
        return [words[2].removeprefix("up:") for words in self.log() if words[:2] == ["end", label]]


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_a_wave_begins_when_the_one_before_is_done_and_well(fleet: Fleet) -> None:
    assert fleet.run("begin", *LABELS) == 0
    assert set(fleet.states().values()) == {"done"}
    order = [(words[0], words[1]) for words in fleet.log()]
    for wave, later in ((["a"], ["b", "c"]), (["b", "c"], ["d", "e", "f"])):
        last_end = max(order.index(("end", label)) for label in wave)
        assert all(order.index(("begin", label)) > last_end for label in later)
    assert all(fleet.ups(label) == ["new"] for label in LABELS)


def test_a_tenant_that_is_unwell_goes_back_and_halts_the_wave_and_a_resume_goes_on(fleet: Fleet) -> None:
    broken = fleet.touch("unwell-b")
    assert fleet.run("begin", *LABELS) == 1
    view = fleet.view()
    assert view.state == "halted"
    assert "b" in view.reason
    assert fleet.ups("b") == ["new", "old"]
    assert (fleet.folder / "release-b").read_text() == "old"
    states = fleet.states()
    assert (states["a"], states["b"]) == ("done", "reverted")
    assert {states[label] for label in "def"} == {"held"}
    assert not any(fleet.ups(label) for label in "def"), "a tenant of a later wave was touched"
    (run,) = [run for run in view.runs if run.label == "b"]
    assert "login on 993 (IMAP): refused" in run.error
    broken.unlink()
    assert fleet.run("resume") == 0
    assert set(fleet.states().values()) == {"done"}
    assert fleet.ups("a") == ["new"], "what was done is not done again"
    assert fleet.ups("b") == ["new", "old", "new"]


def test_a_worker_killed_in_the_middle_is_resumed_and_nothing_runs_twice(fleet: Fleet) -> None:
    slow = fleet.touch("slow-b")
    first = fleet.process("begin", *LABELS)
    try:
        until(lambda: (fleet.folder / "reached-b").exists() and fleet.states()["c"] == "done", "the second wave")
        os.kill(first.pid, signal.SIGKILL)
    finally:
        first.kill()
        first.communicate()
    assert fleet.view().state == "running"
    slow.unlink()
    assert fleet.run("resume") == 0
    assert set(fleet.states().values()) == {"done"}
    assert [fleet.ups(label) for label in "acdef"] == [["new"]] * 5, "a recorded step was done again"
    begun = [words for words in fleet.log() if words[:2] == ["begin", "b"]]
    assert len(begun) == 2, "the step that the worker died in is done anew, once"
    assert begun[0][3] == str(first.pid) != begun[1][3]


def test_a_second_worker_on_sqlite_is_refused_while_the_first_lives(fleet: Fleet) -> None:
    slow = fleet.touch("slow-a")
    first = fleet.process("begin", *LABELS)
    try:
        until(lambda: (fleet.folder / "reached-a").exists(), "the first wave")
        second = fleet.process("work")
        said, _ = second.communicate(timeout=120)
        assert second.returncode == 1
        assert "a worker runs already" in said
        slow.unlink()
        assert first.wait(timeout=240) == 0
    finally:
        first.kill()
        first.communicate()


def test_a_halt_lets_what_runs_end_and_nothing_more_begin(fleet: Fleet) -> None:
    slow = fleet.touch("slow-a")
    process = fleet.process("begin", *LABELS)
    try:
        until(lambda: (fleet.folder / "reached-a").exists(), "the first wave")
        database = Database(fleet.url)
        Journal(database).halt(1, "halted by hand")
        database.close()
        slow.unlink()
        assert process.wait(timeout=240) == 1
    finally:
        process.kill()
        process.communicate()
    states = fleet.states()
    assert states.pop("a") == "done"
    assert set(states.values()) == {"held"}


def test_a_stale_lock_is_told_and_the_tenant_is_left_as_it_was(fleet: Fleet) -> None:
    fleet.touch("locked-a")
    assert fleet.run("begin", *LABELS) == 1
    (run,) = [run for run in fleet.view().runs if run.label == "a"]
    assert run.state == "failed"
    assert "stale" in run.error
    assert (fleet.folder / "release-a").read_text() == "old"


def test_a_stack_file_edited_since_the_plan_is_not_rolled(fleet: Fleet) -> None:
    fleet.touch("edited-a")
    assert fleet.run("begin", *LABELS) == 1
    assert fleet.states()["a"] == "failed"
    assert not fleet.ups("a")
    assert not (fleet.folder / "release-a").exists()


def test_one_rollout_at_a_time(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'fleet.db'}")
    database.upgrade()
    journal = Journal(database)
    number = journal.begin([Planned("a", 0, "x", "old")], None, {"budget": 0}, "jo")
    with pytest.raises(FleetError, match="rollout 1 is running"):
        journal.begin([], None, {"budget": 0}, "jo")
    journal.halt(number, "enough", end=True)
    with pytest.raises(FleetError, match="not open"):
        journal.reopen(number)
    assert journal.begin([], None, {"budget": 0}, "jo") == 2
    database.close()
