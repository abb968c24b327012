"""What Postfix's queue holds for a customer, from `postqueue -j` (postqueue(1), "JSON object format"). Pure."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

UNDER_WAY: Final = frozenset({"active", "incoming", "maildrop"})


@dataclass(frozen=True)
class Queued:
    """One message with at least one recipient of the customer; `reasons`: why those were not delivered yet."""

    queue: str
    id: str
    reasons: tuple[str, ...]

    @property
    def under_way(self) -> bool:
        """A delivery may be going on; else the message only waits."""
        return self.queue in UNDER_WAY


def queued(text: str, domains: Collection[str]) -> Iterator[Queued]:
    """The customer's part of the queue."""
    for line in text.splitlines():
        if not line.startswith("{"):
            continue
        entry = json.loads(line)
        ours = [r for r in entry["recipients"] if r["address"].rpartition("@")[2].lower() in domains]
        if ours:
            reasons = tuple(r.get("delay_reason", "") for r in ours)
            yield Queued(entry["queue_name"], entry["queue_id"], reasons)
