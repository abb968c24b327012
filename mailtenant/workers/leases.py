"""Heartbeat and lease of each worker in the control database, and the fencing of those that are silent.

A worker is *fenced* once its lease is over: from then on none of its commits counts (`require_live` in the commit's own
transaction), whatever it believes. Times are the database's own, so that clocks of machines do not matter.
"""

import os
import socket
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from mailtenant.control.database import Database
from mailtenant.control.tables import Worker

DEFAULT_LEASE: Final = timedelta(seconds=30)
MARGIN: Final = timedelta(seconds=2)
"""A lease ends this much later for the others than for the worker itself: signals and commits take a moment."""


class Fenced(BaseException):
    """This worker's lease was taken from it: it must end at once and write nothing. Not an `Exception`, so that no
    handler for the errors of a step swallows it."""


def database_now(session: Session) -> datetime:
    """PostgreSQL's clock; SQLite has one machine only, and that one's clock."""
    if session.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)


class Lease:
    """This process as a worker. `wind(seconds)` is called with what is left of each lease that the database has
    confirmed (`DeadMan.wind`)."""

    def __init__(
        self,
        database: Database,
        *,
        length: timedelta = DEFAULT_LEASE,
        wind: Callable[[float], None] = lambda _: None,
        kind: str = "migration",
    ) -> None:
        self._database, self._wind = database, wind
        self.length = length
        host = socket.gethostname()
        # Never the same twice: a new process must not be taken for the dead one whose work is still recorded.
        self.id = f"{kind}-{host[:60]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._row = {"id": self.id, "kind": kind, "host": host[:255], "pid": os.getpid()}

    def begin(self, *, alone: bool = False) -> None:
        """Registers the worker. `alone`: no other one can be alive (`Locks.alone`), so those of this kind are fenced at
        once, their leases not waited for."""
        asked = time.monotonic()
        with self._database.write() as session:
            now = database_now(session)
            if alone:
                others = update(Worker).where(Worker.kind == self._row["kind"], Worker.fenced_at.is_(None))
                session.execute(others.values(fenced_at=now))
            session.add(Worker(**self._row, started_at=now, seen_at=now, lease_until=now + self.length + MARGIN))
        self._confirmed(asked)

    def renew(self) -> None:
        """A heartbeat. Raises: Fenced"""
        asked = time.monotonic()
        with self._database.write() as session:
            now = database_now(session)
            mine = update(Worker).where(Worker.id == self.id, Worker.fenced_at.is_(None), Worker.stopped_at.is_(None))
            changed = session.execute(mine.values(seen_at=now, lease_until=now + self.length + MARGIN))
            if not changed.rowcount:  # type: ignore[attr-defined]
                raise Fenced(f"worker {self.id} was silent for too long; others have its work")
        self._confirmed(asked)

    def _confirmed(self, asked: float) -> None:
        # The lease in the database is no older than the question: so the timer ends before it, never after.
        self._wind(self.length.total_seconds() - (time.monotonic() - asked))

    def require_live(self, session: Session) -> None:
        """In the transaction of a commit: it counts only if this worker is not fenced. Raises: Fenced

        The row stays locked until the commit, so fencing and committing cannot cross.
        """
        row = session.scalars(select(Worker).where(Worker.id == self.id).with_for_update()).one_or_none()
        if row is None or row.fenced_at is not None:
            raise Fenced(f"worker {self.id} was silent for too long; others have its work")

    def end(self) -> None:
        """A clean end: others need not wait for the lease."""
        with self._database.write() as session:
            now = database_now(session)
            session.execute(update(Worker).where(Worker.id == self.id, Worker.stopped_at.is_(None)).values(
                stopped_at=now, fenced_at=now
            ))  # fmt: skip

    def fence_silent(self, since: timedelta = timedelta(minutes=10)) -> list[str]:
        """Fences every other worker of this kind whose lease is over; ids of all that were fenced within `since`.

        On PostgreSQL their locks' sessions are ended, so that a worker which stalls, its connection alive, blocks
        nobody.
        """
        with self._database.write() as session:
            now = database_now(session)
            silent = session.scalars(
                select(Worker)
                .where(
                    Worker.kind == self._row["kind"],
                    Worker.id != self.id,
                    Worker.fenced_at.is_(None),
                    Worker.lease_until < now,
                )
                .with_for_update(skip_locked=True)
            ).all()
            for row in silent:
                row.fenced_at = now
            gone = session.scalars(
                select(Worker.id).where(
                    Worker.kind == self._row["kind"],
                    Worker.id != self.id,
                    Worker.fenced_at.is_not(None),
                    Worker.fenced_at > now - since,
                )
            ).all()
        if silent and not self._database.sqlite:
            self._end_sessions([row.id for row in silent])
        return list(gone)

    def _end_sessions(self, workers: list[str]) -> None:
        ending = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = ANY(:names) AND pid <> pg_backend_pid()"
        )
        with self._database.write() as session:
            session.execute(ending, {"names": [lock_session_name(worker) for worker in workers]})


def lock_session_name(worker: str) -> str:
    """`application_name` of the sessions that hold a worker's locks: 63 octets at most (PostgreSQL's limit)."""
    return f"mt-lock-{worker[-54:]}"
