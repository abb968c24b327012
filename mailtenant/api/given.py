"""Values that customers give, checked at the door."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import check_plain_text


def _plain(text: str) -> str:
    try:
        check_plain_text(text)
    except Refusal as refusal:
        raise ValueError(str(refusal)) from None
    return text


def _utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("give a time with its zone, for example 2027-01-31T00:00:00Z")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is before year 1 or after year 9999 in UTC") from None


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Moment = Annotated[datetime, AfterValidator(_utc)]
