"""Where aliases lead, followed as Postfix follows them: a way that goes in a circle, or that Postfix would not go to
its end, is named before it is stored. Pure; the database refuses circles as well, whoever asks.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

EXPANSION_LIMIT: Final = 1000
"""Deliveries of one message that one address may become: Postfix's `virtual_alias_expansion_limit`. Above it every mail
to the address is deferred (4.6.0), and returned in the end."""
DEPTH_LIMIT: Final = 1000
"""Aliases one behind the other: Postfix's `virtual_alias_recursion_limit`."""
_SHOWN: Final = 12


class AliasWays:
    """The aliases of a tenant. `mailboxes`: an address that has one is where its mail ends, even below a catch-all."""

    def __init__(self, aliases: Iterable[tuple[str, str]], mailboxes: Collection[str]) -> None:
        ways: dict[str, list[str]] = {}
        for address, destination in aliases:
            ways.setdefault(address, []).append(destination)
        self._ways: Mapping[str, list[str]] = ways
        self._mailboxes = mailboxes
        self._behind: dict[str, list[str]] = {}
        for address, destinations in ways.items():
            for entry in map(self._entry, destinations):
                if entry is not None:
                    self._behind.setdefault(entry, []).append(address)

    def problem(self, address: str) -> str | None:
        """What is wrong with the way from an alias, in words; None: all of it ends, within Postfix's limits."""
        # As Postfix's cleanup(8) does it: one list of addresses, each replaced by what it leads to.
        open_ways: list[tuple[str, ...]] = [(address,)]
        ended = 0
        while open_ways:
            way = open_ways.pop()
            entry = self._entry(way[-1])
            if entry is None:
                ended += 1
                continue
            if any(self._entry(passed) == entry for passed in way[:-1]):
                shown = (*way, entry) if entry.startswith("@") else way
                return f"{address} would lead in a circle: {_chain(shown)}"
            if len(way) > DEPTH_LIMIT:
                return f"{address} would go through more than {DEPTH_LIMIT} aliases, and Postfix goes no further"
            open_ways += [(*way, destination) for destination in self._ways[entry]]
            if ended + len(open_ways) > EXPANSION_LIMIT:
                return (
                    f"{address} would lead to more than {EXPANSION_LIMIT} addresses, and Postfix would defer all "
                    "of its mail; a mailing list is the tool for that many"
                )
        return None

    def leading_to(self, addresses: Collection[str]) -> list[str]:
        """These aliases and all from which a way leads through one of them."""
        found = dict.fromkeys(addresses)
        todo = list(found)
        while todo:
            for address in self._behind.get(todo.pop(), ()):
                if address not in found:
                    found[address] = None
                    todo.append(address)
        return list(found)

    def _entry(self, address: str) -> str | None:
        """The alias that takes mail to an address: itself, without its tag, or the catch-all; None: the mail ends
        there, or leaves the tenant."""
        base = without_tag(address)
        for known in (address, base):
            if known in self._ways:
                return known
        catch_all = f"@{address.rpartition('@')[2]}"
        return catch_all if base not in self._mailboxes and catch_all in self._ways else None


def without_tag(address: str) -> str:
    """jo+tag@acme.test → jo@acme.test."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _chain(way: tuple[str, ...]) -> str:
    shown = way if len(way) <= _SHOWN else (*way[: _SHOWN - 3], "…", *way[-2:])
    return " → ".join(shown)
