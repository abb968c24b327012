"""OWN-1, OWN-2: what somebody else put into a zone stays as it is."""

from collections import defaultdict
from collections.abc import Iterator

from mailtenant.dns.dkim import tags
from mailtenant.dns.findings import Finding
from mailtenant.dns.records import Record, Slot, parents
from mailtenant.dns.rules.context import RuleContext


def ownership_findings(context: RuleContext) -> Iterator[Finding]:
    yield from _twice(context)
    if context.phase != "adopted":
        for record in context.planned:
            if record.zone in context.views and not context.inherited(record):
                yield from _replaced(context, record)
        yield from _delegated(context)
    yield from _unknown_sets(context)


def _twice(context: RuleContext) -> Iterator[Finding]:
    """One slot, planned for two zones or twice in one: the later write would undo the earlier."""
    slots: dict[Slot, list[Record]] = defaultdict(list)
    for record in context.planned:
        slots[record.slot].append(record)
    for records in slots.values():
        zones = sorted({record.zone for record in records})
        values = {record.value for record in records}
        if len(zones) > 1:
            fix = "remove the name from `no_mail`, or one of the domains"
            yield context.finding("OWN-1", records[0], f"is planned in {' and in '.join(zones)}", fix)
        elif len(values) < len(records):
            yield context.finding("OWN-1", records[0], "is planned twice with the same value", "name it once")


def _delegated(context: RuleContext) -> Iterator[Finding]:
    """A name at or below a delegation (`_dmarc` and `_domainkey` are often given to a service): nobody would see it."""
    for record in context.planned:
        for name in parents(record.name, record.zone):
            if any(old.type in ("NS", "DNAME") for old in context.foreign_by_name.get((record.zone, name), ())):
                message = f"{name} is delegated to somebody's name servers, so a record here is never seen"
                fix = f"have them publish it, with `provider: manual` here; or end the delegation of {name}"
                yield context.finding("OWN-1", record, message, fix)
                break


def _replaced(context: RuleContext, record: Record) -> Iterator[Finding]:
    """A slot that the plan would overwrite without having taken in what was there.

    MX, SRV, discovery names and the policy are replaced on purpose and come back with the phase; SPF, DMARC and TLS
    reports are merged. A key or the mail records of a name without mail can only be somebody's.
    """
    held = context.held_at(record)
    view = context.views[record.zone]
    if not held:
        return
    if record.slot.kind == "DKIM1" or "._domainkey." in record.name:
        ours = "".join(tags(record.value).get("p", "").split())
        if any("".join(tags(old.value).get("p", "").split()) != ours or old.type == "CNAME" for old in held):
            message = "another key stands at this selector"
            fix = "give our key another selector; or, if the one there is dead, delete it from the zone and adopt anew"
            yield context.finding("OWN-1", record, message, fix)
    elif any(record.name in (name, f"_dmarc.{name}") for name in view.domain.no_mail):
        fix = "take the name off `no_mail`; or, if it has no mail any more, delete the record and adopt anew"
        yield context.finding("OWN-1", record, "a name without mail has a mail record of somebody's", fix)


def _unknown_sets(context: RuleContext) -> Iterator[Finding]:
    """A provider that replaces whole record sets needs to know what else is in them."""
    for view in context.views.values():
        if view.provider in ("godaddy", "cloudflare") and not view.adopted:
            first = next((r for r in context.planned if r.zone == view.name), None)
            if first is not None:
                message = "what the zone held before is not known, so it could not be brought back"
                fix = f"run `mailtenant dns adopt` for {view.name} first"
                yield context.finding("OWN-2", first, message, fix, "W")
