"""What is ours to change in which zone: the records of a phase before any rule has looked at them, and their slots."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from mailtenant.dns.customer import customer_records
from mailtenant.dns.dmarc import authorisations
from mailtenant.dns.platform import platform_records
from mailtenant.dns.records import Record, Slot
from mailtenant.dns.zone_view import ZoneView
from mailtenant.settings.existing import Existing, ExistingRecord, Phase

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

NOTHING: Final[Existing] = {}
CHANGING: Final[tuple[Phase, ...]] = ("additive", "cutover", "settled")
"""The phases in which a customer's zone holds something of ours."""


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
    for phase in CHANGING:
        for record in _customers(settings, existing, phase):
            slots[record.zone].add(record.slot)
    return {zone: frozenset(held) for zone, held in slots.items()}


def foreign_records(settings: "TenantSettings", existing: Existing, zone: str) -> tuple[ExistingRecord, ...]:
    """What the zone's snapshot holds beside what is ours to change."""
    return all_foreign(settings, existing).get(zone, ())


def all_foreign(settings: "TenantSettings", existing: Existing) -> Mapping[str, tuple[ExistingRecord, ...]]:
    """Zone → what its snapshot holds beside what is ours to change; only zones that have a snapshot."""
    if not existing:
        return {}
    ours = managed_slots(settings, existing)
    return {
        view.name: tuple(record for record in view.held if view.slot(record) not in ours[view.name])
        for view in views(settings, existing, "adopted")
        if view.adopted
    }


def views(settings: "TenantSettings", existing: Existing, phase: Phase) -> list[ZoneView]:
    return [ZoneView(settings, domain, existing.get(domain.name), phase) for domain in settings.domains]


def _customers(settings: "TenantSettings", existing: Existing, phase: Phase) -> list[Record]:
    seen = views(settings, existing, phase)
    by_zone = {view.name: list(customer_records(view)) for view in seen}
    for record in list(authorisations(settings, seen, [r for held in by_zone.values() for r in held])):
        by_zone[record.zone].append(record)
    return [record for held in by_zone.values() for record in held]
