"""One migration as a value: its state and everything that guards look at. The machine makes a new one at each event."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mailtenant.migration.evidence import Failure, Item, Window
from mailtenant.migration.states import Side, State


@dataclass(frozen=True)
class SignOff:
    """Who agreed that all is well, and when."""

    by: str
    at: datetime


@dataclass(frozen=True)
class Migration:
    """All times are aware, in UTC.

    `serving` is what `/api/userinfo/` follows. `notified`: when the announcement of this very window reached the mail
    server of the customer, None while it has not. `checklist`: the items that are green, each with who said so.
    """

    state: State = State.REQUESTED
    serving: Side = Side.SHARED
    attempt: int = 1
    label: str | None = None
    manual_dns: bool = False
    checklist: Mapping[Item, str] = field(default_factory=dict)
    window: Window | None = None
    notified: datetime | None = None
    reminded: bool = False
    records_sent: bool = False
    frozen_at: datetime | None = None
    cut_over_at: datetime | None = None
    sign_off: SignOff | None = None
    until: datetime | None = None
    reason: str = ""
    failure: Failure | None = None
