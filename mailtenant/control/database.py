"""The database: SQLite in the embedded default, PostgreSQL in production. Transactions, and the schema's revisions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from mailtenant.control.errors import Misconfigured

SCRIPTS: Final = Path(__file__).parent / "alembic"
_UPGRADE_LOCK: Final = 7_163_402_118
"""Number of the advisory lock under which PostgreSQL's schema is changed: any, but ours alone."""


class Database:
    """One pool of connections. `with database.write() as session:` is one transaction, `read()` one view."""

    def __init__(self, url: str, *, pool: int = 10) -> None:
        self.url = database_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        if self.sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(
            self.url, pool_size=pool, pool_pre_ping=not self.sqlite, hide_parameters=True
        )
        if self.sqlite:
            event.listen(self.engine, "connect", prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writer = self.engine.execution_options(writes=True)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction, committed at the end, rolled back on an error. SQLite takes its write lock at the start, so
        that no transaction finds out late that another was faster."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One transaction that changes nothing."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def upgrade(self) -> None:
        """Brings the schema to the newest revision. Several servers may start at once: one does it, the others wait.

        Raises: Misconfigured, if no database answers.
        """
        try:
            with self._writer.begin() as connection:
                if not self.sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _UPGRADE_LOCK})
                command.upgrade(alembic_config(connection), "head")
        except OperationalError as error:
            # The driver's text may hold the whole address, password included.
            raise Misconfigured(
                f"no database answers at {self.url.render_as_string(hide_password=True)} "
                f"({type(error.orig).__name__}); start it, or set MAILTENANT_DATABASE_URL"
            ) from None

    def close(self) -> None:
        self.engine.dispose()


def database_url(url: str) -> URL:
    """`sqlite:///path` or `postgresql://…`, with the driver that we use.

    Raises: Misconfigured
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Misconfigured(
            "MAILTENANT_DATABASE_URL is no database address; write postgresql://… or sqlite:///…"
        ) from None
    drivers = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    if parsed.get_backend_name() not in drivers:
        raise Misconfigured("MAILTENANT_DATABASE_URL names neither sqlite nor postgresql")
    return parsed.set(drivername=drivers[parsed.get_backend_name()])


def alembic_config(connection: Connection) -> Config:
    """For Alembic's commands on a connection of ours."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    return config


def prepare_sqlite(connection: Any, _: object = None) -> None:
    """WAL: readers never wait for the writer. FULL: a commit that was answered survives a power cut."""
    # The driver's own BEGIN comes late and never for DDL; ours is in `_begin_sqlite`.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 15000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
