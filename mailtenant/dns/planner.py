"""Which records a tenant needs, and why: a pure function of the settings, the zones' snapshots and the phase.

Two kinds of zone: the platform's part and each customer domain. What a customer's zone held before comes under
management only at names and types that the plan needs; every other record there is foreign and never touched.
Rule ids in comments and findings are those of docs/dns.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mailtenant.dns.customer import customer_records
from mailtenant.dns.dmarc import authorisations
from mailtenant.dns.findings import Finding, PlanRefused
from mailtenant.dns.platform import platform_records
from mailtenant.dns.records import Record, Slot
from mailtenant.dns.zone_view import ZoneView
from mailtenant.settings.existing import Existing, ExistingRecord, Phase

if TYPE_CHECKING:
    from mailtenant.dns.spf_check import SpfResolver
    from mailtenant.settings import TenantSettings

NOTHING: Final[Existing] = {}


@dataclass(frozen=True)
class Plan:
    """Records, and what the rules say of them."""

    records: tuple[Record, ...]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> bool:
        return any(finding.level == "E" for finding in self.findings)


def records(settings: "TenantSettings", existing: Existing = NOTHING, phase: Phase = "settled") -> tuple[Record, ...]:
    """Every record that we manage in the phase, the platform's first, then one customer domain after the other.

    In `adopted` a customer zone's are exactly those of its snapshot at the names and types that the plan needs.

    Raises: PlanRefused with every finding, if a rule of level E is broken.
    """
    made = plan(settings, existing, phase)
    if made.refused:
        raise PlanRefused(made.findings)
    return made.records


def plan(
    settings: "TenantSettings",
    existing: Existing = NOTHING,
    phase: Phase = "settled",
    resolver: "SpfResolver | None" = None,
) -> Plan:
    """As `records`, without raising. `resolver` follows SPF includes of others; without it they are not followed."""
    from mailtenant.dns.rules import findings

    planned = planned_records(settings, existing, phase)
    return Plan(planned, findings(settings, existing, phase, planned, resolver))


def planned_records(
    settings: "TenantSettings", existing: Existing = NOTHING, phase: Phase = "settled"
) -> tuple[Record, ...]:
    """The records before any rule has looked at them."""
    planned = list(platform_records(settings))
    if phase == "adopted":
        slots = managed_slots(settings, existing)
        for view in views(settings, existing, phase):
            planned += view.kept(slots[view.name])
    else:
        planned += _customers(settings, existing, phase)
    return tuple(planned)


def managed_slots(settings: "TenantSettings", existing: Existing = NOTHING) -> Mapping[str, frozenset[Slot]]:
    """Customer zone → what is ours to change there in any phase. The same in every phase."""
    slots: dict[str, set[Slot]] = {domain.name: set() for domain in settings.domains}
    phases: tuple[Phase, ...] = ("additive", "cutover", "settled")
    for phase in phases:
        for record in _customers(settings, existing, phase):
            slots[record.zone].add(record.slot)
    return {zone: frozenset(held) for zone, held in slots.items()}


def foreign_records(settings: "TenantSettings", existing: Existing, zone: str) -> tuple[ExistingRecord, ...]:
    """What the zone's snapshot holds beside what is ours to change."""
    if zone not in existing:
        return ()
    ours = managed_slots(settings, existing).get(zone, frozenset())
    (view,) = (view for view in views(settings, existing, "adopted") if view.name == zone)
    return tuple(record for record in view.held if view.slot(record) not in ours)


def views(settings: "TenantSettings", existing: Existing, phase: Phase) -> list[ZoneView]:
    return [ZoneView(settings, domain, existing.get(domain.name), phase) for domain in settings.domains]


def _customers(settings: "TenantSettings", existing: Existing, phase: Phase) -> list[Record]:
    seen = views(settings, existing, phase)
    by_zone = {view.name: list(customer_records(view)) for view in seen}
    for record in list(authorisations(settings, seen, [r for held in by_zone.values() for r in held])):
        by_zone[record.zone].append(record)
    return [record for held in by_zone.values() for record in held]
