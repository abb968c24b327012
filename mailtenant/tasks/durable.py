"""The workflow of a task on DBOS Transact: begin, item by item, end. A worker that is killed leaves it to the next one,
which goes on at the item that was under way.

DBOS's tables are not those of the migrations: a schema, or a file, of their own, so that either side may be restarted,
scaled or emptied without the other.
"""

import logging
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from dbos import DBOS, DBOSConfig, SetWorkflowID, StepOptions
from sqlalchemy.exc import DBAPIError

from mailtenant.control.database import Database
from mailtenant.control.plane import ControlPlane
from mailtenant.control.sender import Sender
from mailtenant.control.tables import Task
from mailtenant.tasks import book
from mailtenant.tasks.kinds import AWAY, Later, items, perform
from mailtenant.tasks.systems import Systems
from mailtenant.workers.leases import Fenced, Lease

APPLICATION_VERSION: Final = "tasks-1"
QUEUE: Final = "mailtenant-tasks"
SCHEMA: Final = "dbos_tasks"
CONCURRENCY: Final = 4
WAIT: Final = 5.0
"""Seconds between two looks while the customer moves."""
AGAIN: Final = 2.0
"""Seconds between two tries while the database is away."""
_log = logging.getLogger(__name__)


@dataclass
class _Hands:
    """What the workflow works with; DBOS registers functions, not objects."""

    plane: ControlPlane
    systems: Systems


_hands: list[_Hands] = []


@DBOS.workflow(name="task", max_recovery_attempts=1_000_000)
def task(identity: str) -> str:
    """One task; its last state."""
    count: int = DBOS.run_step(_step("begin"), _begin, identity)
    answers: list[dict[str, Any]] = []
    for number in range(count):
        while True:
            answer = DBOS.run_step(_step(f"item {number}"), _item, identity, number, count)
            if "wait" not in answer:
                break
            DBOS.sleep(WAIT)
        if "cancelled" in answer:
            break
        answers.append(answer)
        if answer.get("stop"):
            break
    return str(DBOS.run_step(_step("end"), _end, identity, answers))


def _step(name: str) -> StepOptions:
    """A step waits for a database that is away: if it failed, its workflow would be over and its row never end."""
    return {
        "name": name, "retries_allowed": True, "max_attempts": 1_000_000, "interval_seconds": AGAIN,
        "backoff_rate": 1.0, "should_retry": lambda error: isinstance(error, AWAY),
    }  # fmt: skip


def _begin(identity: str) -> int:
    plane = _hands[0].plane
    with plane.database.write() as session:
        row = session.get(Task, identity, with_for_update=True)
        if row is None or row.state in book.ENDED:
            return 0
        row.state, row.message, row.attempts = book.RUNNING, "runs", row.attempts + 1
        return len(items(row))


def _item(identity: str, number: int, count: int) -> dict[str, Any]:
    plane = _hands[0].plane
    with plane.database.write() as session:
        row = session.get_one(Task, identity)
        if row.cancel:
            return {"cancelled": True}
        row.progress, row.message = 100 * number // count, f"{number} of {count} done"
    try:
        return perform(plane, _hands[0].systems, identity, number)
    except Later as later:
        with plane.database.write() as session:
            session.get_one(Task, identity).message = str(later)
        return {"wait": True}


def _end(identity: str, answers: list[dict[str, Any]]) -> str:
    plane = _hands[0].plane
    with plane.database.write() as session:
        row = session.get(Task, identity, with_for_update=True)
        if row is None or row.state in book.ENDED:
            return row.state if row else book.CANCELLED
        row.outputs = {"results": answers}
        failed = [answer for answer in answers if not answer["ok"]]
        if row.cancel and len(answers) < len(items(row)):
            book.end(session, row, book.CANCELLED, f"cancelled after {len(answers)} of {len(items(row))}", plane.now())
        elif failed:
            book.end(session, row, book.FAILED, str(failed[0]["said"]), plane.now())
        else:
            book.end(session, row, book.COMPLETED, "done", plane.now())
        return row.state


class TaskWorker:
    """Runs tasks, and sends what is in the outbox, in threads of this process, until `stop`."""

    def __init__(
        self,
        plane: ControlPlane,
        systems: Systems,
        *,
        sender: Sender | None = None,
        tick: float = 1.0,
        lease: float = 30.0,
    ) -> None:
        self._plane, self._sender, self._tick = plane, sender, tick
        self._systems = systems
        self._stop = threading.Event()
        self._lease = Lease(plane.database, length=timedelta(seconds=lease), kind="task")
        self._renewal = lease / 4
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        self._lease.begin()
        _hands[:] = [_Hands(self._plane, self._systems)]
        config: DBOSConfig = {
            "name": "mailtenant-tasks",
            "system_database_url": system_database(self._plane.database),
            "dbos_system_schema": SCHEMA,
            "application_version": APPLICATION_VERSION,
            "executor_id": self._lease.id,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        DBOS(config=config)
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=CONCURRENCY, polling_interval_sec=min(1.0, self._tick))
        self._threads = [threading.Thread(target=self._run, name="tasks", daemon=True)]
        if self._sender is not None:
            run = threading.Thread(target=self._sender.run, args=(self._stop,), name="outbox", daemon=True)
            self._threads.append(run)
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float = 10) -> None:
        """What is under way may end within `seconds`; the rest is the next start's, or another worker's."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        DBOS.destroy(workflow_completion_timeout_sec=int(seconds))
        self._lease.end()

    def _run(self) -> None:
        renewed = time.monotonic()
        while not self._stop.wait(self._tick):
            try:
                if time.monotonic() - renewed > self._renewal:
                    self._lease.renew()
                    renewed = time.monotonic()
                dead = self._lease.fence_silent(timedelta(minutes=10))
                if dead:
                    DBOS._recover_pending_workflows(dead)
                with self._plane.database.read() as session:
                    waiting, held = book.waiting(session), book.held_back(session)
                if held:
                    with self._plane.database.write() as session:
                        book.tell(session, held)
                for identity in waiting:
                    with SetWorkflowID(identity):
                        DBOS.enqueue_workflow(QUEUE, task, identity)
            except DBAPIError as error:
                _log.warning("tasks: the database is away (%s); trying again", type(error).__name__)
            except Fenced:
                # Asleep for too long: others have its tasks. Steps may be repeated, so nothing is harmed by both.
                _log.error("tasks: this worker was taken for dead; it begins nothing more")
                return
            except Exception:
                _log.exception("tasks: a round failed")


def system_database(database: Database) -> str:
    """DBOS's own tables: a schema of their own on PostgreSQL, a file beside ours on SQLite."""
    if database.sqlite:
        return f"sqlite:///{database.url.database}.tasks"
    return database.url.render_as_string(hide_password=False)
