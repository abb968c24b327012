"""What a customer uses on the old host, and the size that is proposed for its own servers. Pure."""

from dataclasses import dataclass
from math import ceil
from typing import Any, Final, Literal, NamedTuple

GIB: Final = 1024**3
Size = Literal["small", "medium", "large"]
SIZES: Final[tuple[Size, ...]] = ("small", "medium", "large")
MOST: Final[dict[Size, tuple[int, int]]] = {"small": (50, 5_000), "medium": (250, 50_000)}
"""Mailboxes, and mails a day, up to which a size is proposed (docs/decisions/0036)."""


class Day(NamedTuple):
    """Mails of a day, as the old host's log counts them: put into mailboxes, and handed in by people."""

    day: str
    received: int
    sent: int


@dataclass(frozen=True)
class Usage:
    """`octets`: mail in all mailboxes. `days`: those that the log still holds and that had mail."""

    mailboxes: int
    domains: int
    octets: int
    days: tuple[Day, ...] = ()

    @property
    def mails_a_day(self) -> int | None:
        """The 95th percentile (nearest rank) of received and sent together; None: no day is known."""
        totals = sorted(day.received + day.sent for day in self.days)
        return totals[ceil(0.95 * len(totals)) - 1] if totals else None


@dataclass(frozen=True)
class Plan:
    """What the customer is to have; the names are those of the stack file's `size` and `capacity`."""

    size: Size
    mailboxes: int
    domains: int
    storage_gib: int

    def short_of(self, size: object, mailboxes: int, domains: int, storage_gib: int) -> list[str]:
        """Where a stack file has less than this; a table of sizes is somebody's own judgement, not compared."""
        found = [
            f"{name} {there}, agreed {wanted}"
            for name, there, wanted in (
                ("capacity.mailboxes", mailboxes, self.mailboxes), ("capacity.domains", domains, self.domains),
                ("capacity.storage_gib", storage_gib, self.storage_gib),
            )
            if there < wanted
        ]  # fmt: skip
        if size in SIZES and SIZES.index(size) < SIZES.index(self.size):
            found.append(f"size {size}, agreed {self.size}")
        return found


def proposal(usage: Usage) -> Plan:
    """Room to grow by a quarter (five mailboxes and two domains at least), and storage for twice what is there."""
    mailboxes = max(usage.mailboxes + 5, ceil(usage.mailboxes * 1.25))
    mails = usage.mails_a_day or 0
    fits = (size for size, (boxes, a_day) in MOST.items() if mailboxes <= boxes and mails <= a_day)
    size: Size = next(fits, "large")
    domains = max(usage.domains + 2, ceil(usage.domains * 1.25))
    return Plan(size, mailboxes, domains, max(1, ceil(2 * usage.octets / GIB)))


def report(usage: Usage) -> dict[str, Any]:
    """As it is kept and shown."""
    return {
        "mailboxes": usage.mailboxes, "domains": usage.domains, "octets": usage.octets,
        "mails_a_day_p95": usage.mails_a_day, "days": [list(day) for day in usage.days],
        "proposed": vars(proposal(usage)),
    }  # fmt: skip


def changed(plan: Plan, size: str | None, mailboxes: int | None, domains: int | None, storage_gib: int | None) -> Plan:
    """The proposal with what the customer wants otherwise. Raises: ValueError for an unknown size or less than one."""
    if size is not None and size not in SIZES:
        raise ValueError(f"there is no such size; take one of {', '.join(SIZES)}")
    numbers = [
        there if wanted is None else wanted
        for wanted, there in (
            (mailboxes, plan.mailboxes), (domains, plan.domains), (storage_gib, plan.storage_gib)
        )
    ]  # fmt: skip
    if min(numbers) < 1:
        raise ValueError("mailboxes, domains and storage are at least 1 each")
    return Plan(size or plan.size, *numbers)
