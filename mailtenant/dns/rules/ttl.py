"""TTL-1, TTL-2: TTLs that the provider takes, one for all records of a name and type."""

from collections import defaultdict
from collections.abc import Iterator

from mailtenant.dns.findings import Finding, Level
from mailtenant.dns.records import Record
from mailtenant.dns.rules.context import RuleContext
from mailtenant.dns.ttl import accepted

LONGEST = 2_147_483_647


def ttl_findings(context: RuleContext) -> Iterator[Finding]:
    sets: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in context.planned:
        sets[record.name, record.type].append(record)
        view = context.views.get(record.zone)
        provider = view.provider if view else context.settings.platform_dns.provider
        if record.ttl < 1 or record.ttl > LONGEST or accepted(record.ttl, provider) != record.ttl:
            least = accepted(1, provider) if provider != "cloudflare" else 60
            message = f"a TTL of {record.ttl} s, where {provider} takes {least} s or more"
            yield context.finding("TTL-1", record, message, f"set it to {least} s or more")
    for (name, type_), records in sets.items():
        ours = {record.ttl for record in records}
        foreign = {r.ttl for r in context.foreign_by_name.get((records[0].zone, name), ()) if r.type == type_}
        if len(ours | foreign) > 1:
            seconds = ", ".join(str(ttl) for ttl in sorted(ours | foreign))
            fix = "give them one TTL in the zone, and adopt it anew"
            # Different TTLs among records of others were there before us.
            level: Level | None = None if len(ours) > 1 and not foreign and not context.held_at(records[0]) else "W"
            yield context.finding(
                "TTL-2", records[0], f"records of one name and type have TTLs of {seconds} s", fix, level
            )
