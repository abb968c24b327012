"""Which adopted record each planned one stands for: a phase changes a record in place and can change it back."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailtenant.dns.records import Record, Slot, slot_of
from mailtenant.settings.existing import ExistingRecord


@dataclass(frozen=True)
class Paired:
    """`number` is the record's place in its slot: the same in every phase for what is changed in place."""

    record: Record
    number: int
    before: ExistingRecord | None

    @property
    def unchanged(self) -> bool:
        """Whether the value is the adopted one's (the TTL may differ)."""
        return self.before is not None and self.before.value == self.record.value

    @property
    def key(self) -> str:
        """A stable name: record name, type, kind of text, place."""
        slot = self.record.slot
        words = [
            slot.name,
            slot.type,
            *([slot.kind] if slot.kind else []),
            *([str(self.number)] if self.number else []),
        ]
        return "-".join(words)


def pair(planned: Sequence[Record], held: Sequence[ExistingRecord]) -> Iterator[Paired]:
    """Each planned record with its place. What keeps its value keeps its place; the rest takes the lowest free ones."""
    before: Mapping[Slot, list[ExistingRecord]] = _by_slot(held)
    slots: dict[Slot, list[Record]] = defaultdict(list)
    for record in planned:
        slots[record.slot].append(record)
    for slot, records in slots.items():
        old = before.get(slot, [])
        places: dict[int, Record] = {}
        moving: list[Record] = []
        for record in records:
            same = next((i for i, one in enumerate(old) if i not in places and one.value == record.value), None)
            if same is None:
                moving.append(record)
            else:
                places[same] = record
        free = (i for i in range(len(old) + len(records)) if i not in places)
        places |= dict(zip(free, moving, strict=False))
        for i in sorted(places):
            yield Paired(places[i], i, old[i] if i < len(old) else None)


def _by_slot(held: Sequence[ExistingRecord]) -> dict[Slot, list[ExistingRecord]]:
    slots: dict[Slot, list[ExistingRecord]] = defaultdict(list)
    for record in held:
        slots[slot_of(record.name, record.type, record.value)].append(record)
    return slots
