"""The record sheet: what a person has to enter, change and remove to bring a zone from one plan to another. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mailtenant.dns.records import Record

Action = Literal["add", "change", "remove", "keep"]


@dataclass(frozen=True)
class Row:
    """One line of the sheet. `old` is empty for an addition, `new` for a removal; TTLs are in seconds.

    `name_at_godaddy` and `name_at_cloudflare` are how those providers' forms want the name written.
    """

    action: Action
    zone: str
    name: str
    type: str
    old: str
    new: str
    old_ttl: int | None
    ttl: int | None
    reason: str

    @property
    def name_at_godaddy(self) -> str:
        """Relative to the zone; `@` is the zone itself."""
        return "@" if self.name == self.zone else self.name.removesuffix(f".{self.zone}")

    @property
    def name_at_cloudflare(self) -> str:
        """As at GoDaddy; the form shows the whole name once it is saved."""
        return self.name_at_godaddy

    def as_dict(self) -> dict[str, object]:
        """For JSON and CSV."""
        return {
            "action": self.action, "zone": self.zone, "name": self.name, "name_in_form": self.name_at_godaddy,
            "type": self.type, "old": self.old, "new": self.new, "old_ttl": self.old_ttl, "ttl": self.ttl,
            "reason": self.reason,
        }  # fmt: skip


def rows(before: Iterable[Record], after: Iterable[Record], *, kept: bool = False) -> Sequence[Row]:
    """The steps from one plan to another, removals last; with `kept` also what stays.

    What is equal is paired first, then what stands in the same slot in its order, so that a change is shown as one.
    """
    old, new = list(before), list(after)
    found: list[Row] = []
    for record in list(new):
        same = next((one for one in old if (one.slot, one.value) == (record.slot, record.value)), None)
        if same is not None:
            old.remove(same)
            new.remove(record)
            if same.ttl != record.ttl:
                found.append(_row("change", same, record))
            elif kept:
                found.append(_row("keep", same, record))
    for record in new:
        match = next((one for one in old if one.slot == record.slot), None)
        if match is not None:
            old.remove(match)
        found.append(_row("change" if match else "add", match, record))
    found += [_row("remove", one, None) for one in old]
    return found


def _row(action: Action, old: Record | None, new: Record | None) -> Row:
    record = new or old
    assert record is not None  # noqa: S101
    reason = new.reason if new else "stands in the way of the new records, or is ours and no longer needed"
    return Row(
        action, record.zone, record.name, record.type,
        old.value if old else "", new.value if new else "", old.ttl if old else None, new.ttl if new else None, reason,
    )  # fmt: skip
