"""The records of one zone at GoDaddy: a record set for each name and type that the plan has to do with."""

from collections.abc import Collection, Sequence

import pulumi

from components.godaddy import RecordSet
from mailtenant.dns.godaddy_form import godaddy_sets
from mailtenant.dns.records import Record, Slot, slot_of
from mailtenant.settings.existing import ExistingZone, Phase


class GodaddyZone(pulumi.ComponentResource):
    """Creates: a `RecordSet` for each set that holds something planned, or something adopted that is ours to change.

    `managed` are the slots that any phase changes. Deleting the zone brings back what was there before. A second `up`
    in the same phase writes nothing, and adoption neither.

    Replaced by: a set's name or type (one by one; its values change in place).

    Outputs: `sets` (their names in the state).
    """

    def __init__(
        self,
        name: str,
        zone: str,
        planned: Sequence[Record],
        existing: ExistingZone | None,
        managed: Collection[Slot],
        phase: Phase,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mailtenant:index:GodaddyZone", name, None, opts)
        held = existing.records if existing else ()
        ours = [record for record in held if slot_of(record.name, record.type, record.value) in managed]
        wanted, before, replaced = (
            godaddy_sets(planned, zone, held),
            godaddy_sets(held, zone, held),
            godaddy_sets(ours, zone, held),
        )
        made = []
        for key in dict.fromkeys((*replaced, *wanted)):
            resource = f"{name}-{key[0]}-{key[1]}"
            options = pulumi.ResourceOptions(parent=self, protect=phase != "adopted" and key in replaced)
            RecordSet(
                resource, zone, *key, wanted.get(key, ()), replaced.get(key, ()), before.get(key, ()), opts=options
            )
            made.append(resource)
        self.register_outputs({"sets": made})
