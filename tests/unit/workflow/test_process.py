"""Real worker processes on SQLite: DBOS's log, a kill -9 in the middle, one process a database."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailtenant.migration import State, events
from mailtenant.workflow.worker import FENCED_EXIT

from .ends import judged
from .process import Served, start
from .stage import Stage

DEADLINE = 600.0


class Troupe:
    """A stage whose migration real processes carry out; time is set on while they wait."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.stage = Stage(folder, url)
        self.stage.crew.lease.end()
        self.stage.crew.locks.close()
        self.served = Served(self.stage.world)
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self._revived: set[int] = set()

    def start(self, **paces: float) -> "subprocess.Popen[bytes]":
        settings = self.stage.plane.settings
        assert settings.key_file is not None
        log = self.folder / f"worker-{len(self.processes)}.log"
        self.processes.append(start(settings.url, settings.key_file, self.served.port, log, **paces))
        return self.processes[-1]

    def until(self, reached: Callable[[], bool], what: str) -> None:
        """Polls; sets the clock on where nothing but time is missing."""
        deadline = time.monotonic() + DEADLINE
        while not reached():
            codes = [process.poll() for process in self.processes]
            assert time.monotonic() < deadline, f"not reached: {what}; exit codes {codes}\n{self.logs()}"
            self._revive()
            self.stage.sender.round()
            self._set_on()
            time.sleep(0.05)  # between two looks of a poll with a deadline

    def _revive(self) -> None:
        """As the parent of `mailtenant migrate run` does: a machine that is overloaded stalls workers, too."""
        for process in list(self.processes):
            if process.poll() in (-signal.SIGALRM, FENCED_EXIT) and process.pid not in self._revived:
                self._revived.add(process.pid)
                self.start()

    def _set_on(self) -> None:
        migration, clock = self.stage.migration, self.stage.clock
        with self.stage.plane.database.read() as session:
            from mailtenant.control import customers
            from mailtenant.workflow import runs

            run = runs.get(session, customers.find(session, "acme"))
        if migration.state is State.HOLDING and migration.sign_off is None:
            self.stage.order(events.Agree("Jo Doe"))
        if run and run.due_at and not run.step and run.due_at > clock():
            clock.at = min(run.due_at, clock() + timedelta(hours=12))
            self.stage.world.traffic()
        elif run and run.due_at and run.due_at > clock():
            clock.at = run.due_at

    def logs(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in sorted(self.folder.glob("worker-*.log")))

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(10)
        self.stage.plane.close()


@pytest.fixture
def troupe(tmp_path: Path) -> Iterator[Troupe]:
    made = Troupe(tmp_path)
    yield made
    made.close()


def test_a_worker_killed_in_the_middle_is_followed_by_another_that_goes_on(troupe: Troupe) -> None:
    # On SQLite a lease is not waited for: it is longer than this test may take.
    lease = 5 * DEADLINE
    troupe.start(lease=lease)
    troupe.stage.schedule()
    troupe.until(lambda: "stack.additive" in troupe.stage.world.log, "the records are being added")
    troupe.processes[0].kill()
    troupe.processes[0].wait(10)
    troupe.start(lease=lease)
    troupe.until(lambda: troupe.stage.world.shared.mode == "relay", "the cut-over")
    troupe.processes[1].kill()
    troupe.processes[1].wait(10)
    troupe.start(lease=lease)
    troupe.until(lambda: troupe.stage.state is State.COMPLETED, "the end")
    judged(troupe.stage)
    # Nothing that was done and noted was done again.
    assert troupe.stage.world.log.count("stack.adopted") == 1
    assert troupe.stage.world.log.count("copy.to_tenant") <= 6


def test_a_second_worker_on_sqlite_is_refused_with_the_reason(troupe: Troupe) -> None:
    troupe.start()
    troupe.stage.schedule()
    troupe.until(lambda: "preflight" in troupe.stage.world.log, "the first one works")
    second = troupe.start()
    assert second.wait(60) != 0
    assert "one is all that SQLite allows" in (troupe.folder / "worker-1.log").read_text()


def test_sigterm_ends_a_worker_cleanly(troupe: Troupe) -> None:
    first = troupe.start()
    troupe.stage.schedule()
    troupe.until(lambda: "preflight" in troupe.stage.world.log, "the first one works")
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
