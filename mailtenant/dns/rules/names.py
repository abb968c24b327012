"""NAME-1 … NAME-3: names that DNS takes, that are meant absolutely, and aliases that stand alone."""

import re
from collections.abc import Iterator
from typing import Final

from mailtenant.dns.findings import Finding
from mailtenant.dns.records import Record
from mailtenant.dns.rules.context import RuleContext

SERVICE_LABELS: Final = frozenset(
    {"_dmarc", "_domainkey", "_imap", "_imaps", "_mta-sts", "_pop3", "_pop3s", "_report", "_smtp", "_spf"}
    | {"_submission", "_submissions", "_tcp", "_tls"}
)
_LDH: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_WITH_TARGET: Final = {"MX": 1, "CNAME": 0, "PTR": 0, "SRV": 3}
"""Type → place of the host name among the words of its value."""


def host_of(record: Record) -> str | None:
    """The host that a record points to, in lower case; None for a type that points nowhere, and for a value that has
    no such word.
    """
    words = record.value.split(" ")
    place = _WITH_TARGET.get(record.type)
    return words[place].lower() if place is not None and place < len(words) else None


def name_findings(context: RuleContext) -> Iterator[Finding]:
    for record in context.planned:
        yield from _well_formed(context, record)
        yield from _absolute(context, record)
    yield from _aliases(context)


def _well_formed(context: RuleContext, record: Record) -> Iterator[Finding]:
    fault = _name_fault(record.name, service_labels=True)
    if fault:
        yield context.finding("NAME-1", record, fault, "use a shorter selector or another name")
    host = host_of(record)
    if host not in (None, ".") and (fault := _name_fault(host.removesuffix("."), service_labels=False)):
        yield context.finding("NAME-1", record, f"its target {fault}", "point it to a host name")


def _name_fault(name: str, *, service_labels: bool) -> str:
    if len(name) > 253:
        return f"has {len(name)} octets, where 253 is the most"
    for label in name.split("."):
        if not 1 <= len(label) <= 63:
            return f"has a label of {len(label)} octets, where 1 to 63 are allowed"
        if not _LDH.fullmatch(label) and not (service_labels and label in SERVICE_LABELS):
            return "has a label that is neither letters, digits and hyphens nor a known service label"
    return ""


def _absolute(context: RuleContext, record: Record) -> Iterator[Finding]:
    zone = record.zone
    if record.name.endswith("."):
        yield context.finding(
            "NAME-2", record, "has a trailing dot", "leave it out; the writers add it where it belongs"
        )
    elif record.name != zone and not record.name.endswith(f".{zone}"):
        yield context.finding("NAME-2", record, f"is not in the zone {zone}", "write the whole name")
    elif f".{record.name}".endswith(f".{zone}.{zone}"):
        yield context.finding("NAME-2", record, "has the zone's name twice", "write it once")
    host = host_of(record)
    if host in (None, "."):
        return
    if host.endswith("."):
        yield context.finding("NAME-2", record, "its target has a trailing dot", "leave it out")
    elif "." not in host:
        yield context.finding("NAME-2", record, "its target is a relative name", "write the whole host name")
    elif f".{host}".endswith(f".{zone}.{zone}"):
        yield context.finding("NAME-2", record, "its target has the zone's name twice", "write it once")


def _aliases(context: RuleContext) -> Iterator[Finding]:
    for name, records in context.by_name.items():
        zone = records[0].zone
        foreign = context.foreign_by_name.get((zone, name), ())
        alias = next((record for record in records if record.type == "CNAME"), None)
        if alias is not None and name == zone:
            yield context.finding("NAME-3", alias, "is an alias at the top of its zone", "publish addresses there")
        if alias is not None and len(records) + len(foreign) > 1:
            others = sorted({r.type for r in records if r is not alias} | {r.type for r in foreign})
            message = f"an alias is planned where {', '.join(others)} stands, and it must be alone"
            fix = "remove the other record and adopt the zone anew, or switch off what needs this name in the settings"
            yield context.finding("NAME-3", alias, message, fix)
        if alias is None and any(record.type == "CNAME" for record in foreign):
            # Cloudflare answers for an alias at the top with the addresses behind it, so other types may stand there.
            view = context.views.get(zone)
            flattened = name == zone and view is not None and view.provider == "cloudflare"
            message = f"{records[0].type} is planned where an alias stands, which must be alone"
            fix = "remove the alias and adopt the zone anew, or use another name (for a key: another selector)"
            yield context.finding("NAME-3", records[0], message, fix, "W" if flattened else None)
