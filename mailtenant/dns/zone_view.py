"""A customer's zone as the planner looks at it: the domain's settings, the phase, and what the zone held before."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from mailtenant.dns.records import Record, RecordType, Slot, slot_of
from mailtenant.dns.ttl import TTL, accepted, lowered
from mailtenant.settings.existing import ExistingRecord, ExistingZone, Phase

if TYPE_CHECKING:
    from mailtenant.settings import Domain, TenantSettings


class ZoneView:
    """One domain in one phase. `adopted` tells whether there is a snapshot at all."""

    def __init__(
        self, settings: "TenantSettings", domain: "Domain", snapshot: ExistingZone | None, phase: Phase
    ) -> None:
        self.settings, self.domain, self.phase = settings, domain, phase
        self.adopted = snapshot is not None
        self.held: Sequence[ExistingRecord] = snapshot.records if snapshot else ()

    @property
    def name(self) -> str:
        return self.domain.name

    @property
    def provider(self) -> str:
        return self.domain.dns.provider

    @property
    def settled(self) -> bool:
        return self.phase == "settled"

    @property
    def moved(self) -> bool:
        """Whether mail and clients are sent to the tenant host."""
        return self.phase in ("cutover", "settled")

    @cached_property
    def _by_slot(self) -> dict[Slot, list[ExistingRecord]]:
        slots: dict[Slot, list[ExistingRecord]] = defaultdict(list)
        for record in self.held:
            slots[self.slot(record)].append(record)
        return slots

    @cached_property
    def _by_name(self) -> dict[str, list[ExistingRecord]]:
        names: dict[str, list[ExistingRecord]] = defaultdict(list)
        for record in self.held:
            names[record.name].append(record)
        return names

    def at(self, name: str) -> Sequence[ExistingRecord]:
        """Everything the zone held at a name."""
        return self._by_name.get(name, ())

    def old(self, name: str, type_: str, kind: str = "") -> Sequence[ExistingRecord]:
        """What the zone held in a slot."""
        return self._by_slot.get(Slot(name, type_, kind), ())

    @staticmethod
    def slot(record: ExistingRecord) -> Slot:
        return slot_of(record.name, record.type, record.value)

    def ttl(self, name: str, type_: str) -> int:
        """The TTL of that name and type before, so that the set keeps one TTL (TTL-2); else the usual one."""
        found = (record.ttl for record in self.at(name) if record.type == type_)
        return accepted(next(found, TTL), self.provider)

    def record(self, name: str, type_: RecordType, value: str, reason: str, ttl: int | None = None) -> Record:
        ttl = self.ttl(name, type_) if ttl is None else ttl
        return Record(self.name, name, type_, value, ttl, reason, "customer")

    def flipping(self, name: str, type_: RecordType, value: str | None, reason: str) -> list[Record]:
        """A record that sends people to a host: the old ones with a low TTL, from the cut-over on ours (None: none)."""
        if not self.moved:
            return [
                self.record(name, type_, old.value, "as before, its TTL lowered ahead", lowered(old.ttl, self.provider))
                for old in self.old(name, type_)
            ]
        if value is None:
            return []
        kept = self.ttl(name, type_)
        return [self.record(name, type_, value, reason, kept if self.settled else lowered(kept, self.provider))]

    def kept(self, slots: frozenset[Slot]) -> list[Record]:
        """What the zone held in these slots, exactly."""
        return [
            # The type of a managed slot is one that the planner makes.
            Record(self.name, r.name, r.type, r.value, r.ttl, "as it was before", "customer")  # type: ignore[arg-type]
            for r in self.held
            if self.slot(r) in slots
        ]
