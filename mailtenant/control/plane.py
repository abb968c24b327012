"""The control plane as one object: settings, database, keys, clock. The CLI and the API server make one each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mailtenant.control.configuration import ControlSettings
from mailtenant.control.database import Database
from mailtenant.control.keys import Vault, open_vault


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ControlPlane:
    """What every operation of the control plane needs."""

    settings: ControlSettings
    database: Database
    vault: Vault
    now: Callable[[], datetime] = utc_now

    def close(self) -> None:
        self.database.close()


def open_plane(settings: ControlSettings, *, now: Callable[[], datetime] = utc_now) -> ControlPlane:
    """Opens the database and brings its schema up to date.

    Raises: Misconfigured
    """
    database = Database(settings.url)
    vault = open_vault(settings.key_file, create=database.sqlite)
    database.upgrade()
    with database.write() as session:
        vault.claim(session)
    return ControlPlane(settings, database, vault, now)


def embedded_state(project: Path) -> Path:
    """Where the embedded default keeps its database and key: beside the stacks' state."""
    return project / ".state"
