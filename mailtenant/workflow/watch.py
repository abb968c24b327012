"""Looks again and again at who logs in at the old host, for each customer that is to move or has just moved.

Apart from the workflow: a log that cannot be read stops no move.
"""

import logging
from collections.abc import Callable, Sequence
from threading import Event as StopFlag
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from mailtenant.control import customers, reports
from mailtenant.control.errors import ControlError
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import MigrationRow, Tenant
from mailtenant.migration import State
from mailtenant.migration.logins import Login
from mailtenant.migration.sides import SideError

WATCHED: Final = tuple(
    state for state in State if state not in (State.COMPLETED, State.DEFERRED, State.OPTED_OUT, State.ROLLED_BACK)
)
_log = logging.getLogger(__name__)

ReadLogins = Callable[[str], Sequence[Login]]
"""A customer's label → logins of its mailboxes in the old host's log. Raises: SideError, ControlError"""


def watched(plane: ControlPlane) -> Sequence[str]:
    """Customers whose logins matter: from the wish to move until the move is completed."""
    query = (
        select(Tenant.label)
        .join(MigrationRow, MigrationRow.tenant_id == Tenant.id)
        .where(Tenant.removed_at.is_(None), MigrationRow.state.in_([state.value for state in WATCHED]))
        .order_by(Tenant.label)
    )
    with plane.database.read() as session:
        return session.scalars(query).all()


def look(plane: ControlPlane, read: ReadLogins, label: str) -> None:
    """Reads once, and keeps what is new. Raises: SideError, ControlError"""
    seen = read(label)
    with plane.database.write() as session:
        reports.note_logins(plane, session, customers.find(session, label).id, seen)


def run(plane: ControlPlane, read: ReadLogins, stop: StopFlag, pause: float) -> None:
    """Until `stop` is set: one round over all, then a pause of that many seconds."""
    while not stop.is_set():
        try:
            labels = watched(plane)
        except DBAPIError:
            labels = ()  # it is away; the next round tries again
        for label in labels:
            if stop.is_set():
                return
            try:
                look(plane, read, label)
            except (SideError, ControlError, DBAPIError) as error:
                _log.warning("%s: logins at the old host were not read: %s", label, error)
        stop.wait(pause)
