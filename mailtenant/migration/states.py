"""The states of a customer's move to a mail system of its own: what each means, and what undoes it.

Which event leads from one to the next is in `transitions.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a migration is."""

    REQUESTED = "requested"
    SCHEDULED = "scheduled"
    PREPARING = "preparing"
    PREPARED = "prepared"
    COPYING = "copying"
    FROZEN = "frozen"
    CUT_OVER = "cut_over"
    VERIFYING = "verifying"
    HOLDING = "holding"
    COMPLETED = "completed"
    DEFERRED = "deferred"
    OPTED_OUT = "opted_out"
    FAILED = "failed"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


class Side(StrEnum):
    """Which mail system serves the customer, so which hosts `/api/userinfo/` names."""

    SHARED = "shared"
    TENANT = "tenant"


@dataclass(frozen=True)
class Meaning:
    """`what`: one line for people; `undo`: how to come back from here, empty where there is nothing to undo."""

    what: str
    undo: str = ""


MEANINGS: Final[dict[State, Meaning]] = {
    State.REQUESTED: Meaning("the customer will move; no date yet"),
    State.SCHEDULED: Meaning("a window is fixed and announced", "cancel the date: reschedule, defer or opt out"),
    State.PREPARING: Meaning("the customer's own servers are being made", "destroy the new stack"),
    State.PREPARED: Meaning(
        "the new servers are up and tested; the records that must be there before the copy are being published",
        "take the added records back, destroy the new stack",
    ),
    State.COPYING: Meaning(
        "mail is copied while the old side goes on serving", "drop the copy, take the added records back"
    ),
    State.FROZEN: Meaning(
        "the short interruption: the old side holds new mail, logins wait, the last changes are copied",
        "open the old side again; held mail is delivered there",
    ),
    State.CUT_OVER: Meaning(
        "clients are sent to the new host; signing, MX and the old side's relay follow",
        "freeze the new side, copy back what arrived there, send clients to the shared host again",
    ),
    State.VERIFYING: Meaning(
        "sending, receiving, logins and records are checked on the new side", "the same as after the cut-over"
    ),
    State.HOLDING: Meaning(
        "all is well on the new side; the old side relays late mail and keeps its copy",
        "the same as after the cut-over",
    ),
    State.COMPLETED: Meaning("moved; the old copy may go. There is no way back from here"),
    State.DEFERRED: Meaning("put off until a date, with a reason"),
    State.OPTED_OUT: Meaning("the customer does not want to move until a date, with a reason"),
    State.FAILED: Meaning("stopped: a person must look at the reason, then retry or roll back"),
    State.ROLLING_BACK: Meaning("on the way back to the shared host"),
    State.ROLLED_BACK: Meaning("back on the shared host, nothing lost; it can be requested anew"),
}
