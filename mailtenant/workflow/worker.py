"""The worker process: heartbeat, takeover of dead workers' migrations, the calendar's events, and waking what waits."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.exc import DBAPIError

from mailtenant.control import migrations
from mailtenant.control.errors import ControlError
from mailtenant.control.plane import ControlPlane
from mailtenant.migration import Refused
from mailtenant.workers.deadman import DeadMan
from mailtenant.workers.leases import Fenced, Lease
from mailtenant.workers.locks import Locks
from mailtenant.workflow import alarms, durable, runs
from mailtenant.workflow.perform import Crew
from mailtenant.workflow.ports import Moves
from mailtenant.workflow.settings import WorkflowSettings

FENCED_EXIT = 70
"""Exit code of a worker that was fenced: nothing is lost, others go on; its supervisor may start it again."""
GRACE = 20.0
"""Seconds that a stopping worker gives its steps to end at their next check."""
SWEEP = 60.0
"""Seconds between two looks for runs whose workflow has ended although their migration goes on."""
ALARMS = 15.0
"""Seconds between two looks for what has become late."""
_log = logging.getLogger(__name__)


class Worker:
    """`run` until `stop` is set. With `deadman` the kernel ends the process when it stalls past its lease."""

    def __init__(
        self, plane: ControlPlane, settings: WorkflowSettings, moves: Moves, *, deadman: DeadMan | None = None
    ) -> None:
        """Raises: Busy, if SQLite has its worker already."""
        self._plane, self._settings, self._deadman = plane, settings, deadman
        self._first, self._swept, self._alarmed = True, 0.0, 0.0
        self.stop = threading.Event()
        self.fenced = threading.Event()
        self._over = threading.Event()
        wind: Callable[[float], None] = deadman.wind if deadman else lambda _: None
        self.lease = Lease(plane.database, length=timedelta(seconds=settings.lease), wind=wind)
        self._locks = Locks(plane.database, self.lease.id)
        self.crew = Crew(plane, settings, moves, self.lease, self._locks, self.stop.wait)

    def run(self, until: Callable[[], bool] = lambda: False) -> int:
        """Works until `stop` is set or `until` holds; an exit code."""
        self.lease.begin(alone=self._locks.alone)
        beat = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        beat.start()
        durable.launch(self.crew)
        try:
            while not self.stop.is_set() and not until():
                try:
                    self.tick()
                except DBAPIError as error:
                    _log.warning("the database is away (%s); trying again", type(error).__name__)
                except Fenced:
                    self._be_fenced()
                self.stop.wait(self._settings.tick)
        finally:
            self.stop.set()
            self._end(beat)
        return FENCED_EXIT if self.fenced.is_set() else 0

    def _end(self, beat: threading.Thread) -> None:
        """Steps end at their next check, the heart beating on; only then others may have this worker's migrations."""
        idle = durable.still(GRACE)
        self._over.set()
        beat.join()
        if not idle:
            _log.warning("a step does not end; its migration is taken over when the lease is over")
        elif not self.fenced.is_set():
            try:
                self.lease.end()
            except DBAPIError:
                _log.warning("the database is away; others take over when the lease is over")
        if idle and self._deadman:
            self._deadman.disarm()
        durable.shut()
        self._locks.close()

    def tick(self) -> None:
        """One look at everything that may need this worker. Raises: Fenced"""
        first, self._first = self._first, False
        durable.take_over(self.lease.fence_silent(timedelta(days=30) if first else timedelta(minutes=10)))
        if first or time.monotonic() - self._swept > SWEEP:
            self._swept = time.monotonic()
            runs.renew(self._plane, self.lease, durable.ended(runs.active(self._plane)))
        if first or time.monotonic() - self._alarmed > ALARMS:
            self._alarmed = time.monotonic()
            alarms.look(self._plane)
        for label, event in migrations.due_by_the_clock(self._plane):
            try:
                migrations.apply_event(self._plane, label, event, actor="workflow")
            except (Refused, ControlError) as error:
                _log.info("%s: `%s` is not possible now: %s", label, event.name, error)
        for workflow, label in runs.open_runs(self._plane, self.lease):
            durable.start(workflow, label)
        for workflow, key in runs.to_wake(self._plane):
            durable.wake(workflow, key)

    def _beat(self) -> None:
        while not self._over.wait(self._settings.lease / 4):
            try:
                self.lease.renew()
            except DBAPIError as error:
                # The dead man's timer runs on: when the lease is over, others may have this worker's migrations.
                _log.warning("no heartbeat: the database is away (%s)", type(error).__name__)
            except Fenced:
                self._be_fenced()
                return

    def _be_fenced(self) -> None:
        """Nothing that this process still does may count or go on: it ends at once where it is a process of its own."""
        _log.error("worker %s was fenced: others have its migrations", self.lease.id)
        self.fenced.set()
        self.stop.set()
        if self._deadman is not None:
            os._exit(FENCED_EXIT)


def stop_on_signals(worker: Worker) -> None:
    """SIGTERM and SIGINT end it cleanly: steps stop at their next check, others take over at once."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop.set())
