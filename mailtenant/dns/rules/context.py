"""What every rule looks at: the plan by name, and what each zone held before."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from mailtenant.dns.findings import Finding, Level
from mailtenant.dns.managed import all_foreign, views
from mailtenant.dns.records import Record, slot_of
from mailtenant.dns.rules.catalogue import RULES
from mailtenant.dns.spf_check import RecordsResolver, SpfResolver
from mailtenant.dns.zone_view import ZoneView
from mailtenant.settings.existing import Existing, ExistingRecord, Phase

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

# RFC 2606, RFC 6761: names under which nobody is on the internet.
TEST_ENDINGS: Final = (".test", ".example", ".invalid", ".localhost")


class RuleContext:
    """One plan under judgement."""

    def __init__(
        self,
        settings: "TenantSettings",
        existing: Existing,
        phase: Phase,
        planned: Sequence[Record],
        resolver: SpfResolver | None,
    ) -> None:
        self.settings, self.existing, self.phase = settings, existing, phase
        self.planned, self.outside = planned, resolver
        self.views: Mapping[str, ZoneView] = {view.name: view for view in views(settings, existing, phase)}

    @property
    def test_mode(self) -> bool:
        """Whether the platform domain is one that can only be a test's."""
        return self.settings.host.endswith(TEST_ENDINGS)

    @cached_property
    def by_name(self) -> Mapping[str, Sequence[Record]]:
        names: dict[str, list[Record]] = defaultdict(list)
        for record in self.planned:
            names[record.name].append(record)
        return names

    @cached_property
    def foreign(self) -> Mapping[str, tuple[ExistingRecord, ...]]:
        return all_foreign(self.settings, self.existing)

    @cached_property
    def foreign_by_name(self) -> Mapping[tuple[str, str], Sequence[ExistingRecord]]:
        """Zone and name → the foreign records there."""
        names: dict[tuple[str, str], list[ExistingRecord]] = defaultdict(list)
        for zone, held in self.foreign.items():
            for record in held:
                names[zone, record.name].append(record)
        return names

    @cached_property
    def _held(self) -> frozenset[tuple[str, str, str, str]]:
        return frozenset(
            (zone, record.name, record.type, record.value)
            for zone, held in self.existing.items()
            for record in held.records
        )

    @cached_property
    def resolver(self) -> RecordsResolver:
        """The plan's own answers, then those of the zones' foreign records, then of the resolver given."""
        foreign = [_as_record(zone, record) for zone, held in self.foreign.items() for record in held]
        return RecordsResolver([*self.planned, *foreign], self.outside, zones=(self.settings.host,))

    def of_type(self, type_: str) -> Iterator[Record]:
        return (record for record in self.planned if record.type == type_)

    def texts(self, kind: str) -> Iterator[Record]:
        """TXT records of a kind: spf1, DMARC1, DKIM1, STSv1 or TLSRPTv1."""
        return (record for record in self.planned if record.type == "TXT" and record.slot.kind == kind)

    def inherited(self, record: Record) -> bool:
        """Whether the zone held the record just so."""
        return (record.zone, record.name, record.type, record.value) in self._held

    def held_at(self, record: Record) -> Sequence[ExistingRecord]:
        """What the zone held in the record's slot."""
        view = self.views.get(record.zone)
        return view.old(*slot_of(record.name, record.type, record.value)) if view else ()

    def finding(self, rule: str, record: Record, message: str, fix: str, level: Level | None = None) -> Finding:
        """At the rule's own level unless told; of an inherited record a warning."""
        level = level or RULES[rule].level
        if level == "E" and self.inherited(record):
            level = "W"
            fix = f"it was there before, so nothing is changed; {fix}"
        return Finding(rule, level, record.zone, f"{record.name} {record.type}", message, fix)


def _as_record(zone: str, record: ExistingRecord) -> Record:
    # Only for answers: any type may stand here.
    return Record(zone, record.name, record.type, record.value, record.ttl, "", "customer")  # type: ignore[arg-type]
