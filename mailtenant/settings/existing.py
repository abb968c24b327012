"""What a customer's zone held before we came: the snapshot that `mailtenant dns adopt` writes into the stack file.

It stands in its own key, `mailtenant:dnsExisting`, beside the tenant document: nobody edits it by hand, and going back
to the phase `adopted` makes the zone equal to it again.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.names import Fqdn

Phase = Literal["adopted", "additive", "cutover", "settled"]
PHASES: tuple[Phase, ...] = ("adopted", "additive", "cutover", "settled")
EXISTING = "mailtenant:dnsExisting"


class ExistingRecord(Settings):
    """One record as it was found."""

    name: str = setting("absolute name, lower case, without the trailing dot", Effect.RECORDS)
    type: str = setting("the record's type, for example MX", Effect.RECORDS)
    value: str = setting("its data in the plain form of `mailtenant.dns.Record.value`", Effect.RECORDS)
    ttl: int = setting("seconds; 1 is Cloudflare's `auto`", Effect.RECORDS, ge=1, le=2147483647)
    id: str | None = setting("the provider's id of the record, where it has one", Effect.RECORDS, default=None)
    raw: Mapping[str, object] = setting(
        "what only the provider knows (its own form of the text, comment, tags), given back as it was",
        Effect.RECORDS,
        default={},
    )


class ExistingZone(Settings):
    """One customer zone as it was found, whole: foreign records are in it, too, so that a rollback can be proven."""

    taken: str = setting("when, as RFC 3339 in UTC", Effect.NONE)
    records: tuple[ExistingRecord, ...] = setting("every record that the provider showed", Effect.RECORDS)


Existing = Mapping[str, ExistingZone]
"""Zone name → what it held."""

EXISTING_ADAPTER: TypeAdapter[Mapping[str, ExistingZone]] = TypeAdapter(Mapping[Annotated[Fqdn, Field()], ExistingZone])
