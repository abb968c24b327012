"""One step of a customer's work at a time: an advisory lock of PostgreSQL a customer, or on SQLite one worker process
(a lock on a file beside the database) with a lock of its own threads for each customer.

A PostgreSQL session that ends, by a dead process or because the worker was fenced, gives its locks back by itself.
"""

import fcntl
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from mailtenant.control.database import Database
from mailtenant.workers.leases import lock_session_name

_CLASS: Final = 716_340_212
"""First half of the advisory locks' number: any, but ours alone."""


class Busy(Exception):
    """Another worker holds it; try again later."""


class LostLock(Exception):
    """The session that held the lock is gone: another may have it."""


class Held:
    """A lock that is held. `check` finds out whether it still is."""

    def __init__(self, connection: Connection | None) -> None:
        self._connection = connection

    def check(self) -> None:
        """Raises: LostLock"""
        if self._connection is None:
            return
        try:
            self._connection.execute(text("SELECT 1"))
        except Exception:
            raise LostLock("the database session that held the customer's lock has ended") from None


class Locks:
    """Those of one worker. On SQLite a second process is refused at the start."""

    def __init__(self, database: Database, worker: str) -> None:
        self._threads: dict[int, threading.Lock] = defaultdict(threading.Lock)
        self._file: IO[str] | None = None
        self._engine = None
        if database.sqlite:
            self._file = _only_process(Path(str(database.url.database)))
        else:
            # Locks belong to a session, so each has a connection of its own, outside the pool.
            name = lock_session_name(worker)
            self._engine = create_engine(
                database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT",
                connect_args={"application_name": name, "keepalives_idle": 10, "keepalives_interval": 5,
                              "keepalives_count": 3},
            )  # fmt: skip

    @property
    def alone(self) -> bool:
        """Whether no other worker is at work on this database: SQLite's lock is this process's until it ends."""
        return self._file is not None

    @contextmanager
    def hold(self, number: int) -> Iterator[Held]:
        """The lock of customer `number`, or at once: Raises: Busy"""
        mine = self._threads[number]
        if not mine.acquire(blocking=False):
            raise Busy(f"customer {number} is being worked on")
        try:
            if self._engine is None:
                yield Held(None)
                return
            with self._engine.connect() as connection:
                taken = connection.execute(
                    text("SELECT pg_try_advisory_lock(:class, :number)"), {"class": _CLASS, "number": number}
                ).scalar_one()
                if not taken:
                    raise Busy(f"customer {number} is being worked on by another worker")
                # The connection's end gives the lock back.
                yield Held(connection)
        finally:
            mine.release()

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
        if self._file is not None:
            self._file.close()


def _only_process(database: Path) -> IO[str]:
    """Raises: Busy, naming the process that is there."""
    path = database.with_name(database.name + ".worker")
    # Not closed before the end of the process, and not inherited by what it starts.
    file = open(path, "a+", encoding="ascii")  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise Busy(
            f"a worker runs already on this SQLite database (process {holder}); one is all that SQLite allows: "
            "stop it, or use PostgreSQL (MAILTENANT_DATABASE_URL)"
        ) from None
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
    return file
