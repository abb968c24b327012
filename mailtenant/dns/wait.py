"""How long one phase must have been in force before the next may begin: until nobody remembers the old records."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mailtenant.dns.managed import planned_records
from mailtenant.dns.sheet import rows
from mailtenant.dns.ttl import seconds
from mailtenant.settings.existing import Existing, Phase

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings


@dataclass(frozen=True)
class Wait:
    """`length` since the earlier phase was brought up, and the sentence why."""

    length: timedelta
    reason: str


def wait_before(settings: "TenantSettings", existing: Existing, earlier: Phase, later: Phase) -> Wait:
    """The wait between two neighbouring phases; zero on the way back, where the low TTLs still hold.

    Before the cut-over it is the longest TTL that a record had which the cut-over changes, or whose value the additive
    phase has changed (the old SPF knows nothing of the tenant's addresses), as resolvers saw it before the additive
    phase lowered it (a provider's floor raises it: TTL-1).
    """
    providers = {domain.name: domain.dns.provider for domain in settings.domains}
    if (earlier, later) == ("additive", "cutover"):
        before = planned_records(settings, existing, "adopted")
        additive = planned_records(settings, existing, earlier)
        changed = [row for row in rows(before, additive) if row.old != row.new]
        changed += rows(additive, planned_records(settings, existing, later))
        slots = {(row.name, row.type) for row in changed if row.old}
        old = [record for record in before if (record.name, record.type) in slots and record.zone in providers]
        if not old:
            return Wait(timedelta(), "no record that was there before changes")
        slowest = max(old, key=lambda record: seconds(record.ttl, providers[record.zone]))
        length = timedelta(seconds=seconds(slowest.ttl, providers[slowest.zone]))
        return Wait(length, f"{slowest.name} {slowest.type} may be remembered so long with its old TTL")
    if (earlier, later) == ("cutover", "settled"):
        return Wait(timedelta(days=1), "the hold of a day, in which late mail still comes the old way")
    return Wait(timedelta(), "nothing that is remembered changes")
