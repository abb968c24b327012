"""The rules that a plan must keep, TXT-1 to OWN-2 (table: docs/dns.md), and what they find.

One file a group of rules. Level E refuses the plan, W warns. A record that a customer's zone held just so before is
inherited: what a rule of level E says of it is a warning, for it is not ours, and going back must always be possible.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mailtenant.dns.findings import Finding
from mailtenant.dns.records import Record
from mailtenant.dns.rules.catalogue import RULES, Rule
from mailtenant.dns.rules.context import RuleContext
from mailtenant.dns.rules.dkim import dkim_findings
from mailtenant.dns.rules.dmarc import dmarc_findings
from mailtenant.dns.rules.hosts import host_findings
from mailtenant.dns.rules.names import name_findings
from mailtenant.dns.rules.ownership import ownership_findings
from mailtenant.dns.rules.spf import spf_findings
from mailtenant.dns.rules.text import text_findings
from mailtenant.dns.rules.transport import transport_findings
from mailtenant.dns.rules.ttl import ttl_findings
from mailtenant.dns.spf_check import SpfResolver
from mailtenant.settings.existing import Existing, Phase

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

__all__ = ["RULES", "Rule", "findings"]

_GROUPS = (
    text_findings,
    name_findings,
    host_findings,
    spf_findings,
    dkim_findings,
    dmarc_findings,
    transport_findings,
    ttl_findings,
    ownership_findings,
)


def findings(
    settings: "TenantSettings",
    existing: Existing,
    phase: Phase,
    planned: Sequence[Record],
    resolver: SpfResolver | None = None,
) -> tuple[Finding, ...]:
    """What the rules say of planned records, errors first, then in the order of the rules.

    `resolver` follows SPF includes of others; without it they count as one lookup each.
    """
    context = RuleContext(settings, existing, phase, planned, resolver)
    found = dict.fromkeys(_all(context))
    order = {rule: place for place, rule in enumerate(RULES)}
    return tuple(sorted(found, key=lambda each: (each.level != "E", order[each.rule], each.zone, each.record)))


def _all(context: RuleContext) -> Iterator[Finding]:
    for group in _GROUPS:
        yield from group(context)
