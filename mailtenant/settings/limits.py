"""How much a tenant may send: for each mailbox, for each domain, for the whole tenant. The smallest limit wins."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import BeforeValidator, model_validator

from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import Count, Factor

_MOST = 100_000_000


def _is_date(value: object) -> object:
    if isinstance(value, (str, date, datetime)):
        return value
    raise Refusal("is not a date", "write it as 2026-12-01")


class SendingLimit(Settings):
    """How many messages may leave, per clock hour and per day (UTC). A recipient counts as a message."""

    hour: Count | None = setting(
        "messages an hour; left out: only the day counts", Effect.IN_PLACE, default=None, ge=1, le=_MOST
    )
    day: Count = setting("messages a day", Effect.IN_PLACE, ge=1, le=_MOST)

    @model_validator(mode="after")
    def _day_holds_an_hour(self) -> Self:
        if self.hour is not None and self.day < self.hour:
            raise Refusal("is below `hour`", "raise `day` or lower `hour`", ("day",))
        return self


class Warmup(Settings):
    """A cap for new addresses that grows day by day: `first_day` × `growth` ^ days since `from`."""

    from_date: Annotated[date, BeforeValidator(_is_date)] = setting("first day (UTC)", Effect.IN_PLACE, alias="from")
    first_day: Count = setting("messages of the tenant on the first day", Effect.IN_PLACE, ge=1, le=_MOST)
    growth: Factor = setting("each day allows this many times the day before", Effect.IN_PLACE, gt=1, le=10)

    def cap(self, day: date, ceiling: int) -> int:
        """Messages that the tenant may send on `day`, at most `ceiling`; before the first day as on the first."""
        cap = float(self.first_day)
        for _ in range(max(0, (day - self.from_date).days)):
            cap *= self.growth
            if cap >= ceiling:
                return ceiling
        return min(int(cap), ceiling)


class Limits(Settings):
    """Sending limits. Each one is counted by itself, and the first that is reached defers the message."""

    mailbox: SendingLimit = setting("for each mailbox", Effect.IN_PLACE, default=SendingLimit(hour=50, day=500))
    domain: SendingLimit = setting(
        "for each domain, all its mailboxes together", Effect.IN_PLACE, default=SendingLimit(day=5_000)
    )
    tenant: SendingLimit = setting("for the whole tenant", Effect.IN_PLACE, default=SendingLimit(day=20_000))
    warmup: Warmup | None = setting(
        "a growing cap for the tenant's first days; left out: none", Effect.IN_PLACE, default=None
    )
