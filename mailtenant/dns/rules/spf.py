"""SPF-1 … SPF-7: one record, few lookups, no open door, and every egress address passes."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Final

from mailtenant.dns.findings import Finding, Level
from mailtenant.dns.platform import egress, spf_name
from mailtenant.dns.records import Record
from mailtenant.dns.rules.context import RuleContext
from mailtenant.dns.spf import SpfTerm, parse_spf, parse_term
from mailtenant.dns.spf_check import MOST_LOOKUPS, MOST_VOID, spf_cost, spf_verdict

WIDEST: Final = {4: 16, 6: 32}


def spf_findings(context: RuleContext) -> Iterator[Finding]:
    for records in context.by_name.values():
        yield from _single(context, [r for r in records if r.type == "TXT" and r.slot.kind == "spf1"])
    ours = {context.settings.host, spf_name(context.settings.host), *context.views}
    for record in context.texts("spf1"):
        terms = parse_spf(record.value)
        yield from _lookups(context, record, terms)
        yield from _terms(context, record, terms)
        yield from _networks(context, record, terms)
        yield from _ending(context, record, terms)
        if record.name in ours and not context.inherited(record):
            yield from _passes(context, record, terms)
    yield from _dead_type(context)


def _single(context: RuleContext, records: Sequence[Record]) -> Iterator[Finding]:
    if not records:
        return
    held = context.held_at(records[0])
    if max(len(records), len(held)) > 1:
        message = f"{max(len(records), len(held))} SPF records at one name: receivers take none of them"
        fix = "make them one record in the zone, then adopt it anew"
        yield context.finding("SPF-1", records[0], message, fix)


def _lookups(context: RuleContext, record: Record, terms: Sequence[SpfTerm]) -> Iterator[Finding]:
    cost = spf_cost(terms, record.name, context.resolver)
    if cost.lookups > MOST_LOOKUPS:
        message = f"needs {cost.lookups} DNS lookups, where {MOST_LOOKUPS} are allowed; `{cost.costliest}` costs most"
        fix = "name its networks instead, or drop terms that send nothing any more (`leaving`, or in the zone)"
        yield context.finding("SPF-2", record, message, fix)
    for term in cost.crowded:
        yield context.finding("SPF-2", record, f"`{term}` has more than 10 hosts", "name their networks instead")
    if cost.void > MOST_VOID:
        message = f"{cost.void} lookups have no answer, where {MOST_VOID} are allowed"
        yield context.finding("SPF-3", record, message, "drop the terms whose names are gone")
    for term in cost.broken:
        message = f"`{term}` leads to no SPF record, or to several: evaluation ends there with an error"
        yield context.finding("SPF-3", record, message, "drop the term, or have its owner mend it")


def _terms(context: RuleContext, record: Record, terms: Sequence[SpfTerm]) -> Iterator[Finding]:
    settings = context.views[record.zone].domain if record.zone in context.views else None
    leaving = {parse_term(text).key for text in settings.leaving} if settings else set()
    for term in terms:
        if not term.name:
            yield context.finding(
                "SPF-4", record, "has a word that is no SPF term", "correct it in the zone, adopt anew"
            )
        # What goes away when the domain is settled is tolerated until then.
        elif term.name == "ptr":
            fix = "name the hosts by other terms, or list it in `leaving`"
            level: Level | None = "W" if term.key in leaving else None
            yield context.finding("SPF-4", record, "has `ptr`, which RFC 7208 tells not to use", fix, level)
        elif term.name == "all" and term.qualifier == "+":
            level = "W" if settings and settings.spf.all else None
            fix = "set `spf.all` to `~all`, which holds from `settled` on, or correct it in the zone and adopt anew"
            yield context.finding("SPF-4", record, "`+all` lets everybody send for the domain", fix, level)
    names = [term.name for term in terms if not term.is_modifier]
    if "all" in names and names.index("all") != len(names) - 1:
        yield context.finding("SPF-4", record, "terms after `all` are never reached", "put `all` last")
    if "all" in names and any(term.name == "redirect" for term in terms):
        yield context.finding("SPF-4", record, "`redirect` beside `all` is never followed", "keep one of them")


def _networks(context: RuleContext, record: Record, terms: Sequence[SpfTerm]) -> Iterator[Finding]:
    before = {term.key for held in context.held_at(record) for term in parse_spf(held.value)}
    for term in terms:
        if term.name not in ("ip4", "ip6"):
            continue
        level: Level | None = "W" if term.key in before else None
        try:
            network = ip_network(term.argument, strict=False)
        except ValueError:
            fix = "correct it in the zone and adopt anew"
            yield context.finding("SPF-5", record, f"`{term.text}` is not a network", fix, level)
            continue
        if network.prefixlen < WIDEST[network.version]:
            message = f"`{term.text}` is wider than /{WIDEST[network.version]}"
            yield context.finding("SPF-5", record, message, "name the networks that send", level)
        if not network.is_global and not context.test_mode:
            message = f"`{term.text}` is not on the internet"
            fix = "name public addresses (for ours: `edge.address`, `edge.address6`)"
            yield context.finding("SPF-5", record, message, fix, level)


def _ending(context: RuleContext, record: Record, terms: Sequence[SpfTerm]) -> Iterator[Finding]:
    view = context.views.get(record.zone)
    if view is None or record.name != record.zone:
        return
    last = next((term for term in terms if term.name == "all"), None)
    if last is not None and last.qualifier in "?-" and last.text != view.domain.spf.all:
        message = f"ends with `{last.text}`, as it did before, where `~all` is usual"
        yield context.finding("SPF-6", record, message, "set `spf.all` of the domain to what is meant")


def _passes(context: RuleContext, record: Record, terms: Sequence[SpfTerm]) -> Iterator[Finding]:
    for address in egress(context.settings):
        verdict = spf_verdict(terms, record.name, address, context.resolver)
        if verdict != "pass":
            fix = "put our term first, or drop the one that matches before it"
            yield context.finding("SPF-7", record, f"says `{verdict}` of the egress address {address}", fix)


def _dead_type(context: RuleContext) -> Iterator[Finding]:
    for zone, held in context.foreign.items():
        for old in held:
            if old.type in ("SPF", "TYPE99"):
                message = "a record of type 99, which nobody reads any more (RFC 7208 §3.1)"
                yield Finding("SPF-4", "W", zone, f"{old.name} {old.type}", message, "delete it from the zone")
