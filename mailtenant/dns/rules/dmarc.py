"""DMARC-1 … DMARC-6: one valid record, never weaker than before, with keys that align."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mailtenant.dns.dkim import delegated_name, tags
from mailtenant.dns.dmarc import GONE, POLICIES, managing, report_domains, same_organisation, split_addresses
from mailtenant.dns.findings import Finding, Level
from mailtenant.dns.records import Record
from mailtenant.dns.rules.context import RuleContext

KNOWN: Final[Mapping[str, Sequence[str]]] = {
    "p": POLICIES,
    "sp": POLICIES,
    "np": POLICIES,
    "adkim": ("r", "s"),
    "aspf": ("r", "s"),
    "psd": ("y", "n", "u"),
    "t": ("y", "n"),
}


def dmarc_findings(context: RuleContext) -> Iterator[Finding]:
    for record in context.texts("DMARC1"):
        if not record.name.startswith("_dmarc."):
            continue
        held = context.held_at(record)
        found = tags(record.value)
        yield from _form(context, record, len(held))
        for tag, values in KNOWN.items():
            if tag in found and found[tag].lower() not in values:
                fix = f"`{tag}` is one of {', '.join(values)}; correct it in the zone and adopt anew"
                yield context.finding("DMARC-2", record, f"`{tag}` has a value that receivers do not know", fix)
        old = tags(held[0].value) if held else {}
        yield from _dropped(context, record, found, old)
        yield from _reports(context, record, found, old)
        yield from _never_weaker(context, record, found, old)
        yield from _aligned(context, record)


def _form(context: RuleContext, record: Record, held: int) -> Iterator[Finding]:
    beside = [r for r in context.by_name[record.name] if r.slot == record.slot]
    if max(len(beside), held) > 1:
        message = f"{max(len(beside), held)} DMARC records at one name: receivers take none of them"
        yield context.finding("DMARC-1", record, message, "keep one of them in the zone, then adopt it anew")
    first, _, rest = record.value.partition(";")
    if first != "v=DMARC1" or not rest.strip().lower().startswith("p="):
        fix = "begin it with `v=DMARC1; p=…`"
        yield context.finding("DMARC-1", record, "older receivers do not read a record that begins like this", fix)


def _dropped(
    context: RuleContext, record: Record, found: Mapping[str, str], old: Mapping[str, str]
) -> Iterator[Finding]:
    for tag in GONE:
        if tag == "pct" and old.get("pct", "100") != "100" and "pct" not in found:
            message = f"`pct={old['pct']}` of the record before is left out: older receivers now apply `p` to all mail"
            fix = "if that is too much, weaken `p` in the zone yourself (RFC 9989 knows `t=y` for tests), adopt anew"
            yield context.finding("DMARC-3", record, message, fix)
        elif tag in old and tag not in found:
            fix = "nothing is to be done: RFC 9989 took the tag away, so receivers disregard it"
            yield context.finding("DMARC-3", record, f"the tag `{tag}` of the record before is left out", fix)
        elif tag in found:
            fix = "RFC 9989 took the tag away; leave it out"
            yield context.finding("DMARC-3", record, f"has the tag `{tag}`", fix)


def _reports(
    context: RuleContext, record: Record, found: Mapping[str, str], old: Mapping[str, str]
) -> Iterator[Finding]:
    before = {address.lower() for tag in ("rua", "ruf") for address in split_addresses(old.get(tag, ""))}
    for tag in ("rua", "ruf"):
        for address in split_addresses(found.get(tag, "")):
            if not address.lower().startswith("mailto:"):
                level: Level | None = "W" if address.lower() in before else None
                yield context.finding("DMARC-4", record, f"`{tag}` is not a `mailto:` address", "write mailto:…", level)
    views = list(context.views.values())
    for target in report_domains(record.value):
        if record.zone not in context.views or same_organisation(record.zone, target):
            continue
        name = f"{record.zone}._report._dmarc.{target}"
        fix = f"publish `{name}` TXT `v=DMARC1;`"
        if managing(target, views) is None:
            message = f"reports go to {target}, which must agree to them in a zone that is not the tenant's"
            yield context.finding("DMARC-4", record, message, f"have its owner {fix}", "W")
        elif not any(r.type == "TXT" and r.value.startswith("v=DMARC1") for r in context.by_name.get(name, ())):
            yield context.finding("DMARC-4", record, f"reports go to {target}, which does not agree to them", fix)


def _never_weaker(
    context: RuleContext, record: Record, found: Mapping[str, str], old: Mapping[str, str]
) -> Iterator[Finding]:
    if not old:
        return
    weaker = [
        tag
        for tag, before, now in (
            ("p", old.get("p", "none"), found.get("p", "none")),
            ("sp", old.get("sp", old.get("p", "none")), found.get("sp", found.get("p", "none"))),
            ("np", _for_missing(old), _for_missing(found)),
        )
        if _strength(now) < _strength(before)
    ]
    weaker += [tag for tag in ("adkim", "aspf") if old.get(tag, "r") == "s" and found.get(tag, "r") != "s"]
    for tag in ("rua", "ruf"):
        now = {address.lower() for address in split_addresses(found.get(tag, ""))}
        weaker += [tag] if not {a.lower() for a in split_addresses(old.get(tag, ""))} <= now else []
    if weaker:
        message = f"is weaker than the record before: {', '.join(f'`{tag}`' for tag in weaker)}"
        yield context.finding("DMARC-5", record, message, "keep at least what was there")


def _for_missing(found: Mapping[str, str]) -> str:
    """The policy for names that do not exist (RFC 9989 §4.7: `np`, else `sp`, else `p`)."""
    return found.get("np", found.get("sp", found.get("p", "none")))


def _strength(policy: str) -> int:
    return POLICIES.index(policy.lower()) if policy.lower() in POLICIES else -1


def _aligned(context: RuleContext, record: Record) -> Iterator[Finding]:
    """The signature's `d=` is the domain itself, so strict alignment holds where its key can be found."""
    view = context.views.get(record.zone)
    if view is None or record.name != f"_dmarc.{record.zone}" or context.phase == "adopted":
        return
    for key in view.domain.signing:
        names = [f"{key.selector}._domainkey.{view.name}"]
        if view.domain.dkim_mode == "cname":
            names.append(delegated_name(context.settings, view.name, key.selector))
        held = [r for name in names for r in context.by_name.get(name, ())]
        if {r.name for r in held} != set(names) or not any(key.public_key in r.value for r in held):
            message = f"the key of selector {key.selector}, which signs, is not in the plan"
            yield context.finding("DMARC-6", record, message, f"publish `{names[-1]}`")
