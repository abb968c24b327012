"""A zone that nobody shows whole: what stands in our places, by asking DNS."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

from mailtenant.dns.lookup import Answers
from mailtenant.dns.records import Slot, parents
from mailtenant.dns.snapshot import SnapshotError
from mailtenant.dns.verify import Seen
from mailtenant.settings.existing import ExistingRecord, ExistingZone

BESIDE: Final = ("A", "AAAA", "MX", "TXT")
"""What most often stands where an alias is wanted, and may not stay beside it."""
NOBODYS: Final = "mailtenant-asks-for-no-such-name"
"""A label that no zone has: what is answered for it comes from a wildcard."""


def of_answers(
    zone: str, slots: Collection[Slot], server: Answers, now: datetime, resolver: Answers | None = None
) -> ExistingZone:
    """The records at the names of `slots`, with their real types: an alias there is an alias, not what it leads to.

    `server` is best one of the zone, which says whole TTLs. `resolver` is asked which names are delegated: a server of
    the zone itself only refers to the others.

    What a wildcard answers is left out: it does not stand at that name, and stays where it is.

    Raises: SnapshotError
    """
    found = []
    for name in sorted({slot.name for slot in slots}):
        wanted = {slot.type for slot in slots if slot.name == name}
        types = sorted(wanted | {"CNAME"} | set(BESIDE if "CNAME" in wanted else ()))
        found += list(_records(name, types, server))
    if resolver is not None:
        for name in sorted({name for slot in slots for name in parents(slot.name, zone)}):
            found += list(_records(name, ["NS"], resolver, wild=False))
    return ExistingZone(taken=now.strftime("%Y-%m-%dT%H:%M:%SZ"), records=tuple(found))


def _records(name: str, types: Collection[str], resolver: Answers, *, wild: bool = True) -> Iterator[ExistingRecord]:
    alias = _answer(name, "CNAME", resolver) if wild else Seen()
    for type_ in ["CNAME"] if alias.values else types:
        seen = alias if type_ == "CNAME" else _answer(name, type_, resolver)
        if wild and seen.values and seen.values == _answer(_beside(name), type_, resolver).values:
            continue
        for value in seen.values:
            yield ExistingRecord.model_validate({"name": name, "type": type_, "value": value, "ttl": max(seen.ttl, 1)})


def _beside(name: str) -> str:
    """A neighbour of the name that does not exist."""
    return f"{NOBODYS}.{name.partition('.')[2]}"


def _answer(name: str, type_: str, resolver: Answers) -> Seen:
    seen = resolver.ask(name, type_)
    if seen.problem:
        raise SnapshotError(f"{name} {type_} cannot be asked for: {seen.problem}")
    return seen
