"""The one table: from which state, by which event, to which state, under which guards, with which message to the
customer. The machine runs it, the diagram in docs/control-plane.md is drawn from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mailtenant.migration import events as e
from mailtenant.migration import guards as g
from mailtenant.migration.states import Side
from mailtenant.migration.states import State as S


class Notice(StrEnum):
    """A message to the customer; its text is in templates/notifications. All but CONTACT and PLAN follow from an
    event."""

    SCHEDULED = "scheduled"
    RESCHEDULED = "rescheduled"
    REMINDER = "reminder"
    RECORDS = "records_to_enter"
    RESTORE = "records_to_restore"
    STARTED = "started"
    CONNECTION = "connection_details"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled_back"
    CONTACT = "contact_check"
    PLAN = "plan"


@dataclass(frozen=True)
class Transition:
    """One line of the table. `serves`: who serves from here on; None: as before."""

    source: S
    event: type[e.Event]
    target: S
    guards: tuple[g.Guard, ...] = ()
    notice: Notice | None = None
    serves: Side | None = None


WORKING: Final = (S.PREPARING, S.PREPARED, S.COPYING, S.FROZEN, S.CUT_OVER, S.VERIFYING, S.HOLDING)
"""What can fail or be rolled back."""
_EARLY: Final = (S.REQUESTED, S.SCHEDULED, S.PREPARED)
_DATED: Final = (S.SCHEDULED, S.PREPARING, S.PREPARED, S.COPYING)


def _table() -> Iterator[Transition]:
    schedule = (g.label_confirmed, g.dns_proven, g.announced_early)
    yield Transition(S.REQUESTED, e.Schedule, S.SCHEDULED, schedule, Notice.SCHEDULED)
    for state in _DATED:
        yield Transition(state, e.Reschedule, state, (g.announced_early,), Notice.RESCHEDULED)
    for state in _EARLY:
        yield Transition(state, e.Defer, S.DEFERRED, (g.until_later,))
        yield Transition(state, e.OptOut, S.OPTED_OUT, (g.until_later,))
    for state in (S.DEFERRED, S.OPTED_OUT):
        yield Transition(state, e.Resume, S.REQUESTED)
        yield Transition(state, e.Expire, S.REQUESTED, (g.date_has_come,))
    for state in _DATED:
        yield Transition(state, e.Remind, state, (g.reminder_due,), Notice.REMINDER)
    yield Transition(S.SCHEDULED, e.Prepare, S.PREPARING)
    yield Transition(S.PREPARING, e.Prepared, S.PREPARED, (g.smoke_green,))
    yield Transition(S.PREPARED, e.SendRecords, S.PREPARED, (g.has_manual_dns, g.records_not_sent), Notice.RECORDS)
    yield Transition(S.PREPARED, e.StartCopy, S.COPYING, (g.checklist_green, g.announced, g.dns_seen))
    yield Transition(S.COPYING, e.Freeze, S.FROZEN, (g.announced, g.window_open, g.first_pass_clean), Notice.STARTED)
    yield Transition(S.FROZEN, e.Unfreeze, S.COPYING)
    yield Transition(
        S.FROZEN, e.CutOver, S.CUT_OVER, (g.sides_equal, g.within_interruption), Notice.CONNECTION, Side.TENANT
    )
    yield Transition(S.CUT_OVER, e.Verify, S.VERIFYING, (g.dns_seen,))
    yield Transition(S.VERIFYING, e.Verified, S.HOLDING, (g.probes_green,))
    for state in (S.VERIFYING, S.HOLDING):
        yield Transition(state, e.Agree, state)
    yield Transition(S.HOLDING, e.Complete, S.COMPLETED, (g.hold_over, g.signed_off), Notice.COMPLETED)
    for state in (*WORKING, S.ROLLING_BACK):
        yield Transition(state, e.Fail, S.FAILED)
        yield Transition(S.FAILED, e.Retry, state, (g.stopped_in(state.value),))
    for state in (*WORKING, S.FAILED):
        yield Transition(state, e.RollBack, S.ROLLING_BACK)
    yield Transition(S.ROLLING_BACK, e.FlipBack, S.ROLLING_BACK, (g.tenant_serves, g.reverse_equal), serves=Side.SHARED)
    restore = (g.has_manual_dns, g.shared_serves)
    yield Transition(S.ROLLING_BACK, e.RestoreRecords, S.ROLLING_BACK, restore, Notice.RESTORE)
    yield Transition(S.ROLLING_BACK, e.RolledBack, S.ROLLED_BACK, (g.shared_serves,), Notice.ROLLED_BACK)
    yield Transition(S.ROLLED_BACK, e.Request, S.REQUESTED)


TRANSITIONS: Final = tuple(_table())
