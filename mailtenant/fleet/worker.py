"""A process that works on rollouts: its lease, its locks, DBOS, and the claim on what dead workers left.

Workers that share a PostgreSQL share a fleet; all of them need the same tree of stack files (a file that is not the
planned one is refused). On SQLite there is one worker.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from dbos import DBOS, DBOSConfig

from mailtenant.control.configuration import ControlSettings
from mailtenant.control.database import Database
from mailtenant.fleet.carry import Means, Patience
from mailtenant.fleet.journal import FleetError, Journal, RolloutView
from mailtenant.fleet.rollout import QUEUE, Context, rollout_id, start, work_with
from mailtenant.workers.deadman import DeadMan
from mailtenant.workers.leases import DEFAULT_LEASE, Fenced, Lease
from mailtenant.workers.locks import Busy, Locks

VERSION: Final = "fleet-1"
"""Of the workflows' shape, not of the product: a new release goes on with what the old one began."""
_BEAT: Final = 5.0


def open_database(project: Path) -> Database:
    """The journal's: MAILTENANT_DATABASE_URL, else an SQLite file of its own below the project's `.state`.

    Not the control plane's embedded file: a rollout and a migration's worker may run at once.
    """
    settings = ControlSettings.from_environment()
    if settings.url:
        database = Database(settings.url)
    else:
        state = project / ".state"
        state.mkdir(exist_ok=True)
        database = Database(f"sqlite:///{state / 'fleet.db'}")
    database.upgrade()
    return database


class Worker:
    """This process, ready to work. `journal` writes fenced."""

    def __init__(self, database: Database, journal: Journal, lease: Lease) -> None:
        self.database, self.journal, self.lease = database, journal, lease

    def claim(self) -> None:
        """Takes over the workflows of workers whose lease is over."""
        if gone := self.lease.fence_silent():
            DBOS._recover_pending_workflows(gone)

    def follow(self, rollout: int, show: Callable[[RolloutView], None], pause: float = 0.5) -> RolloutView:
        """Works until the rollout has ended or is halted, and nothing of it runs any more."""
        claimed = 0.0
        while True:
            if time.monotonic() - claimed > 2:
                self.claim()
                claimed = time.monotonic()
            view = self.journal.view(rollout)
            show(view)
            status = DBOS.get_workflow_status(rollout_id(rollout, view.attempt))
            if view.state != "running" and not _active(status):
                return view
            time.sleep(pause)


@contextmanager
def worker(
    database: Database, means: Means, *, concurrency: int = 2, lease: timedelta = DEFAULT_LEASE,
    patience: Patience | None = None,
) -> Iterator[Worker]:  # fmt: skip
    """Registers this process and begins to work on what is there.

    Raises: FleetError, if another worker has the SQLite journal.
    """
    mine = Lease(database, length=lease, wind=(deadman := DeadMan()).wind, kind="fleet")
    try:
        locks = Locks(database, mine.id)
    except Busy as error:
        raise FleetError(str(error)) from None
    journal = Journal(database, mine.require_live)
    mine.begin(alone=locks.alone)
    stopping = threading.Event()
    beat = threading.Thread(target=_beat, args=(mine, stopping), daemon=True)
    beat.start()
    work_with(Context(journal, means, locks, mine.id, patience or Patience()))
    for name in ("dbos", "alembic", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.ERROR)
    DBOS(config=_config(database, mine.id))
    DBOS.launch()
    try:
        DBOS.register_queue(
            QUEUE, worker_concurrency=concurrency, polling_interval_sec=0.5, on_conflict="always_update"
        )
        yield Worker(database, journal, mine)
    finally:
        DBOS.destroy(workflow_completion_timeout_sec=0)
        stopping.set()
        beat.join()
        mine.end()
        deadman.disarm()
        locks.close()
        work_with(None)


def begin(worker: Worker, rollout: int) -> None:
    """Starts the rollout's workflow, or joins one that was begun."""
    start(rollout, worker.journal.view(rollout).attempt)


def _config(database: Database, executor: str) -> DBOSConfig:
    if database.sqlite:
        url = database.url.set(database=f"{database.url.database}.workflows", drivername="sqlite")
    else:
        url = database.url.set(drivername="postgresql")
    return DBOSConfig(
        name="mailtenant-fleet",
        system_database_url=url.render_as_string(hide_password=False),
        # Apart from the migrations' workflows: neither may claim the other's.
        dbos_system_schema="dbos_fleet",
        application_version=VERSION,
        executor_id=executor,
        enable_otlp=False,
        log_level="ERROR",
        console_log_level="ERROR",
        notification_listener_polling_interval_sec=0.5,
    )


def _beat(lease: Lease, stopping: threading.Event) -> None:
    while not stopping.wait(min(_BEAT, lease.length.total_seconds() / 4)):
        try:
            lease.renew()
        except Fenced:
            # Others have the work: this process must not write, nor act, any more.
            os._exit(70)
        except Exception:  # noqa: S112 - the database may be back in time; if not, the timer ends this process
            continue


def _active(status: object) -> bool:
    return getattr(status, "status", "") in ("PENDING", "ENQUEUED", "DELAYED")
