"""Which records a tenant needs, and why: a pure function of the settings, the zones' snapshots and the phase.

Two kinds of zone: the platform's part and each customer domain. What a customer's zone held before comes under
management only at names and types that the plan needs; every other record there is foreign and never touched.
Rule ids in comments and findings are those of docs/dns.md.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtenant.dns.findings import Finding, PlanRefused
from mailtenant.dns.managed import NOTHING, foreign_records, managed_slots, planned_records, views
from mailtenant.dns.records import Record
from mailtenant.dns.rules import findings
from mailtenant.dns.spf_check import SpfResolver
from mailtenant.settings.existing import Existing, Phase

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

__all__ = ["NOTHING", "Plan", "foreign_records", "managed_slots", "plan", "planned_records", "records", "views"]


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
    resolver: SpfResolver | None = None,
) -> Plan:
    """As `records`, without raising. `resolver` follows SPF includes of others; without it they are not followed."""
    planned = planned_records(settings, existing, phase)
    return Plan(planned, findings(settings, existing, phase, planned, resolver))
