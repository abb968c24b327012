"""Whose key is this, and what does `/api/userinfo/` answer? One indexed lookup a request, batched.

Requests that wait at the same moment share one query, which begins after each of them came in: nothing is remembered
between requests, so a revoked key is refused and a cut-over is seen by the very next one.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select

from mailtenant.control.database import Database
from mailtenant.control.plane import utc_now
from mailtenant.control.tables import ApiKey, MigrationRow, Tenant


@dataclass(frozen=True, slots=True)
class Caller:
    """The customer behind a key, as of this request. Both hosts are from one row of one query."""

    key_id: int
    tenant_id: int
    label: str
    confirmed: bool
    smtp_host: str
    imap_host: str
    state: str
    serving: str

    @property
    def actor(self) -> str:
        """For the audit trail."""
        return f"key:{self.key_id}"


_QUERY = (
    select(
        ApiKey.digest, ApiKey.id, Tenant.id, Tenant.label, Tenant.label_confirmed_at, Tenant.smtp_host,
        Tenant.imap_host, MigrationRow.state, MigrationRow.serving,
    )
    .join(Tenant, Tenant.id == ApiKey.tenant_id)
    .join(MigrationRow, MigrationRow.tenant_id == Tenant.id)
    .where(
        ApiKey.digest.in_(bindparam("digests", expanding=True)),
        ApiKey.revoked_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > bindparam("now")),
        Tenant.removed_at.is_(None),
    )
)  # fmt: skip


class Directory:
    """One a process. `find` runs on the event loop; the queries in one thread of its own.

    A key that has expired at `now` is as one that is revoked.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database, self._now = database, now
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="directory")
        self._waiting: list[tuple[str, asyncio.Future[Caller | None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def find(self, digest: str) -> Caller | None:
        """None: no such key, or it is revoked. Raises: sqlalchemy.exc.DBAPIError, if the database is away."""
        # Each request has a future of its own: one whose client has gone takes the answer from nobody else.
        future: asyncio.Future[Caller | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((digest, future))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await future

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    digests = list({digest for digest, _ in batch})
                    found = await loop.run_in_executor(self._pool, self._read, digests)
                except Exception as error:
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(error)
                            future.exception()  # nobody may be left to look at it
                    continue
                for digest, future in batch:
                    if not future.done():
                        future.set_result(found.get(digest))
        finally:
            self._task = None

    def _read(self, digests: list[str]) -> dict[str, Caller]:
        with self._database.engine.connect() as connection:
            rows = connection.execute(_QUERY, {"digests": digests, "now": self._now()}).all()
        return {
            row[0]: Caller(row[1], row[2], row[3], row[4] is not None, row[5], row[6], row[7], row[8]) for row in rows
        }
