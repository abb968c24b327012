"""Sends what is in the outbox, by whichever process lives: leases, pauses between attempts, and when it is given up.

Every row is sent at least once, in order for each recipient. A crash between the other server's `250` and our commit
sends the same message again, with the same Message-ID (`webhook-id`), by which the receiver can tell.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event as StopFlag
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import aliased

from mailtenant.control import alerts
from mailtenant.control.outbox import DEAD, SENT, WAITING
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Message

LEASE: Final = timedelta(minutes=5)
GIVE_UP_AFTER: Final = 24
"""Attempts: with the pauses between them, about two days."""
_log = logging.getLogger(__name__)


class Undeliverable(Exception):
    """The other side will never take it: no further attempt. The text goes into the row, so no content is in it."""


class TryAgain(Exception):
    """Not now."""


class OursToMend(TryAgain):
    """Not until our own settings are right: the message waits for that, however often it was tried."""


@dataclass(frozen=True)
class Letter:
    """One message as a channel gets it. `id` is the same at every attempt."""

    id: str
    kind: str
    recipient: str
    facts: Mapping[str, Any]
    created: str
    tenant_id: int | None


Deliver = Callable[[Letter], None]
"""Hands a letter to the other side. Raises: Undeliverable, TryAgain, OursToMend."""


def message_id(key: str) -> str:
    """The same for the same row, nobody else's, and nothing of the key can be read from it."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


class Sender:
    """Sends what is due. Several may run at once, in one process or many: a lease keeps a row with one of them.

    A sender that dies leaves its rows to the others when the lease is over; one that outlives its lease changes nothing
    any more.
    """

    def __init__(
        self, plane: ControlPlane, channels: Mapping[str, Deliver], owner: str, *, lease: timedelta = LEASE
    ) -> None:
        self._plane, self._channels, self._owner, self._lease = plane, channels, owner, lease

    def run(self, stop: StopFlag, pause: float = 2.0) -> None:
        """Until `stop` is set."""
        while not stop.is_set():
            try:
                busy = self.round()
            except Exception:
                # The database may be away for a while; the next round tries again.
                _log.exception("outbox: a round failed")
                busy = False
            if not busy:
                stop.wait(pause)

    def round(self, limit: int = 20) -> int:
        """One pass over what is due; how many were tried."""
        claimed = self._claim(limit)
        for row in claimed:
            self._send(row)
        return len(claimed)

    def _claim(self, limit: int) -> Sequence[Message]:
        now = self._plane.now()
        older = aliased(Message)
        # A recipient gets its messages in order: nothing goes out before what was written before it.
        before = (
            select(older.id)
            .where(older.recipient == Message.recipient, older.state == WAITING, older.id < Message.id)
            .exists()
        )
        due = (
            select(Message)
            .where(Message.state == WAITING, Message.due_at <= now, ~before)
            .order_by(Message.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._plane.database.write() as session:
            rows = session.scalars(due).all()
            for row in rows:
                row.lease_owner, row.due_at, row.attempts = self._owner, now + self._lease, row.attempts + 1
        return rows

    def _send(self, row: Message) -> None:
        letter = Letter(
            message_id(row.key), row.kind, row.recipient, row.facts, row.created_at.isoformat(), row.tenant_id
        )
        try:
            self._channels[row.channel](letter)
        except Undeliverable as refused:
            self._note(row, state=DEAD, error=str(refused))
        except OursToMend as ours:
            self._note(row, state=WAITING, error=str(ours))
        except TryAgain as later:
            self._note(row, state=DEAD if row.attempts >= GIVE_UP_AFTER else WAITING, error=str(later))
        except Exception as defect:
            # A template that fails, a missing channel: ours to mend; the message waits.
            _log.exception("outbox: message %s (%s) could not be made", row.id, row.kind)
            self._note(row, state=WAITING, error=f"{type(defect).__name__} in our own code; see the server's log")
        else:
            self._note(row, state=SENT, error=None)

    def _note(self, row: Message, *, state: str, error: str | None) -> None:
        now = self._plane.now()
        query = select(Message).where(Message.id == row.id, Message.lease_owner == self._owner).with_for_update()
        with self._plane.database.write() as session:
            mine = session.scalar(query)
            if mine is None or mine.attempts != row.attempts:
                # The lease was over and another sender has taken the row: what it finds out counts.
                return
            mine.state, mine.error, mine.lease_owner = state, error, None
            mine.sent_at = now if state == SENT else None
            mine.due_at = now + pause_after(row.attempts)
            if state == DEAD and mine.tenant_id is not None:
                # Not for operators' own messages: an alert about an alert would take the same way.
                alerts.given_up(self._plane, session, mine)


def pause_after(attempts: int) -> timedelta:
    """15 s, 30 s, 1 min … at most 3 hours."""
    return min(timedelta(seconds=15 * 2 ** min(attempts - 1, 12)), timedelta(hours=3))
