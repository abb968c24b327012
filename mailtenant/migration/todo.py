"""What the customer itself has to do for its move: nothing but to reconnect, where we may write its DNS. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mailtenant.migration.model import Migration
from mailtenant.migration.states import Side

RECORDS: Final = "publish_records"
RECONNECT: Final = "reconnect"
WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        RECORDS: "enter the records of the sheet that we send, where your DNS is kept",
        RECONNECT: "from the cut-over on: connect to the hosts of /api/userinfo/; user names and passwords stay",
    }
)


def to_do(migration: Migration) -> tuple[str, ...]:
    """In the order in which it comes. Records have been seen by all once the tenant serves and is verified."""
    entered = migration.serving is Side.TENANT and migration.sign_off is not None
    return (RECORDS, RECONNECT) if migration.manual_dns and not entered else (RECONNECT,)
