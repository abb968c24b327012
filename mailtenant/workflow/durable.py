"""The workflow itself, on DBOS Transact: look, carry out a step or wait, until the migration is over.

DBOS keeps the log of looks and steps, brings the workflow back in the process or in another one, and lets it wait
without a thread. What a step did is not taken from that log but from the control database (docs/decisions/0018), so a
step that is repeated, or a log entry of a worker that was fenced, changes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, Final

from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy.exc import DBAPIError

from mailtenant.control.database import Database
from mailtenant.workflow import runs
from mailtenant.workflow.decide import Step
from mailtenant.workflow.perform import Crew, perform

APPLICATION_VERSION: Final = "migration-1"
"""DBOS gives a workflow only to workers of its version. It stays over releases, so that a new release goes on with the
migrations of the old one; it changes only if `migration` no longer understands its own older log."""
QUEUE: Final = "mailtenant-migrations"
WAKE: Final = "wake"
LONGEST_WAIT: Final = 6 * 3600.0
_log = logging.getLogger(__name__)


class _Hands:
    """The crew of this process, and the threads in which its steps run. DBOS registers functions, not objects."""

    crew: Crew | None = None
    pool: ThreadPoolExecutor | None = None


def _crew() -> Crew:
    assert _Hands.crew is not None  # noqa: S101 - `launch` sets it before any workflow runs
    return _Hands.crew


@DBOS.workflow(name="migration", max_recovery_attempts=1_000_000)
async def migration(workflow: str, label: str) -> str:
    """One run of a customer's migration; why it ended."""
    while True:
        seen = await DBOS.run_step_async({"name": "look"}, _look, workflow, label)
        found = runs.Look(**seen)
        match found.action:
            case "end":
                return found.why
            case "do":
                await DBOS.run_step_async({"name": found.step}, _perform, workflow, label, found.step)
            case _:
                wait = LONGEST_WAIT if found.seconds is None else min(found.seconds, LONGEST_WAIT)
                await DBOS.recv_async(WAKE, timeout_seconds=max(wait, 0.05))


async def _look(workflow: str, label: str) -> dict[str, Any]:
    found: dict[str, Any] = await _in_thread(_looked, workflow, label)
    return found


def _looked(workflow: str, label: str) -> dict[str, Any]:
    crew = _crew()
    while True:
        try:
            return asdict(runs.look(crew.plane, crew.lease, crew.settings, workflow, label))
        except DBAPIError as error:
            _log.info("%s: the database is away (%s)", label, type(error).__name__)
        if crew.stopping(0.5):
            raise SystemExit("the worker stops")


async def _perform(workflow: str, label: str, step: str) -> str:
    return str(await _in_thread(perform, _crew(), workflow, label, Step(step)))


async def _in_thread(call: Any, *arguments: Any) -> Any:
    """In one of this worker's threads. A worker that is fenced or stops never comes back from here: the workflow is
    another's, or the next start's, and DBOS must not take it for ended."""
    crew = _crew()
    if not crew.stopping(0):
        try:
            answer = await asyncio.get_running_loop().run_in_executor(_Hands.pool, call, *arguments)
            if not crew.stopping(0):
                return answer
        except Exception:
            if not crew.stopping(0):
                raise
        except BaseException as end:
            if isinstance(end, asyncio.CancelledError):
                raise
            _log.warning("this worker goes no further: %s", end)
    return await asyncio.Future[Any]()


def launch(crew: Crew) -> None:
    """Starts DBOS in this process; workflows may run from here on."""
    _Hands.crew = crew
    _Hands.pool = ThreadPoolExecutor(crew.settings.concurrency, thread_name_prefix="migration-step")
    config: DBOSConfig = {
        "name": "mailtenant",
        "system_database_url": system_database(crew.plane.database),
        "application_version": APPLICATION_VERSION,
        "executor_id": crew.lease.id,
        "log_level": "WARNING",
        "notification_listener_polling_interval_sec": min(1.0, crew.settings.tick),
        "enable_otlp": False,
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, polling_interval_sec=min(1.0, crew.settings.tick))


def still(seconds: float) -> bool:
    """No further step begins, and those under way have so long to end; whether all did."""
    pool, _Hands.pool = _Hands.pool, None
    if pool is None:
        return True
    pool.shutdown(wait=False, cancel_futures=True)
    deadline = time.monotonic() + seconds
    threads = list(pool._threads)
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    return not any(thread.is_alive() for thread in threads)


def shut() -> None:
    """Ends DBOS in this process; what is under way is another worker's, or this one's next start's."""
    DBOS.destroy()


def start(workflow: str, label: str) -> None:
    """Asks for a run; asked twice, it is one."""
    with SetWorkflowID(workflow):
        DBOS.enqueue_workflow(QUEUE, migration, workflow, label)


def wake(workflow: str, key: str) -> None:
    """The run looks again, once a `key`."""
    DBOS.send(workflow, "look", WAKE, idempotency_key=key)


def take_over(workers: list[str]) -> None:
    """Hands the workflows of these dead workers to whoever is free. Harmless if there are none, or if done twice."""
    if workers:
        DBOS._recover_pending_workflows(workers)


def ended(workflows: Sequence[str]) -> list[str]:
    """Those of them that DBOS will not run any more."""
    if not workflows:
        return []
    over = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
    return [one.workflow_id for one in DBOS.list_workflows(workflow_ids=list(workflows), status=over)]


def system_database(database: Database) -> str:
    """DBOS's own tables: a schema of their own on PostgreSQL, a file beside ours on SQLite."""
    if database.sqlite:
        return f"sqlite:///{database.url.database}.dbos"
    return database.url.render_as_string(hide_password=False)
