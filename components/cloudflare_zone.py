"""The records of one zone at Cloudflare: the planned ones, in place of adopted ones where there were any."""

from collections.abc import Collection, Sequence

import pulumi
import pulumi_cloudflare as cloudflare

from mailtenant.dns.cloudflare_form import cloudflare_form, kept_form
from mailtenant.dns.pairing import Paired, pair
from mailtenant.dns.records import Record
from mailtenant.settings.existing import ExistingZone, Phase


class CloudflareZone(pulumi.ComponentResource):
    """Creates: a `DnsRecord` for each planned record.

    Adopted ones come under management by import, which must change nothing: so only in the phase `adopted`, and only
    once (`imported` names those of earlier runs: one that a later phase deleted is made anew on the way back, and an
    import of it would fail). Until then nothing else may be planned.

    Replaced by: a record's name or type (one by one; the value changes in place).

    Outputs: `records` (their names in the state), `adopted` (of those imported, ever).
    """

    def __init__(
        self,
        name: str,
        zone_id: str,
        planned: Sequence[Record],
        existing: ExistingZone | None,
        phase: Phase,
        imported: Collection[str],
        comment: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mailtenant:index:CloudflareZone", name, None, opts)
        pairs = list(pair(planned, existing.records if existing else ()))
        self.adopted = sorted({*(one for one in imported if one.startswith(f"{name}-")), *_imports(name, pairs)})
        missing = sorted(set(_imports(name, pairs)) - set(imported))
        if missing and phase != "adopted":
            raise pulumi.RunError(
                f"{len(missing)} records of the zone {pairs[0].record.zone} are in the snapshot, but not under "
                "management yet: run `pulumi up` in the phase `adopted` first, then go on to the next one"
            )
        for one in pairs:
            self._record(name, zone_id, one, phase, imported, comment)
        self.register_outputs({"records": [f"{name}-{one.key}" for one in pairs], "adopted": self.adopted})

    def _record(
        self, name: str, zone_id: str, one: Paired, phase: Phase, imported: Collection[str], comment: str
    ) -> None:
        before, resource = one.before, f"{name}-{one.key}"
        kept = one.unchanged and before is not None and bool(before.raw)
        # The comment tells the customer whose record it is, and after a crash tells us that it is ours.
        form = kept_form(one.record, before) if kept and before else {**cloudflare_form(one.record), "comment": comment}
        if data := form.pop("data", None):
            form["data"] = cloudflare.DnsRecordDataArgs(**data)
        if settings := form.pop("settings", None):
            form["settings"] = cloudflare.DnsRecordSettingsArgs(**settings)
        adopting = before is not None and before.id is not None and resource not in imported
        options = pulumi.ResourceOptions(
            parent=self,
            import_=f"{zone_id}/{before.id}" if adopting and before else None,
            # A destroy lets go of what was the customer's; in the other phases the zone must be given back first.
            retain_on_delete=phase == "adopted" and before is not None,
            protect=phase != "adopted" and before is not None and one.number == 0,
        )
        cloudflare.DnsRecord(resource, zone_id=zone_id, **form, opts=options)


def _imports(name: str, pairs: Sequence[Paired]) -> list[str]:
    return [f"{name}-{one.key}" for one in pairs if one.before is not None and one.before.id is not None]
