"""Who logs in at the old host: before the move, so that no program is forgotten; after the cut-over, who still tries.

Pure. Lines of a host's log become `Login`s in `mailtenant.shared_host.mail_log`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

KEPT: Final = timedelta(days=90)
"""So long a login is remembered: the old host's own log is often gone after two weeks."""
RECENT: Final = timedelta(days=30)
STILL: Final = timedelta(days=1)
"""A program that has not tried for so long has been turned to the new host: most ask every few minutes."""
CLIENTS: Final = 20
"""Client addresses kept a mailbox, service and outcome; who guesses passwords comes from many."""


@dataclass(frozen=True, order=True)
class Login:
    """The last login of a mailbox from a client's address. `let_in` False: denied, or the password was wrong."""

    address: str
    client: str
    service: str
    let_in: bool
    at: datetime

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "at": self.at.isoformat(timespec="seconds")}


def from_json(rows: Iterable[Mapping[str, Any]]) -> list[Login]:
    return [Login(**{**row, "at": datetime.fromisoformat(row["at"])}) for row in rows]


def merged(known: Iterable[Login], seen: Iterable[Login], now: datetime) -> list[Login]:
    """The newest of each mailbox, client, service and outcome, as long as it is to be remembered."""
    newest: dict[tuple[str, str, str, bool], Login] = {}
    for one in (*known, *seen):
        key = (one.address, one.client, one.service, one.let_in)
        if one.at > now - KEPT and (key not in newest or newest[key].at < one.at):
            newest[key] = one
    kept: dict[tuple[str, str, bool], list[Login]] = {}
    for one in sorted(newest.values(), key=lambda one: one.at, reverse=True):
        kept.setdefault((one.address, one.service, one.let_in), []).append(one)
    return sorted(one for group in kept.values() for one in group[:CLIENTS])


def recent(logins: Iterable[Login], now: datetime) -> list[Login]:
    """Who was let in within the last 30 days, the newest first: every program that needs the new host's name."""
    found = [one for one in logins if one.let_in and one.at > now - RECENT]
    return sorted(found, key=lambda one: (one.at, one.address), reverse=True)


@dataclass(frozen=True)
class OldHostUser:
    """A mailbox that was seen at the old host after the cut-over. `clients`: from where, the newest first.

    `still`: within the last day. `known`: one of these addresses was let in before; if none was, somebody may only be
    guessing passwords.
    """

    address: str
    last_seen: datetime
    clients: tuple[str, ...]
    services: tuple[str, ...]
    still: bool
    known: bool

    def as_json(self) -> dict[str, Any]:
        return {
            **vars(self), "last_seen": self.last_seen.isoformat(timespec="seconds"), "clients": list(self.clients),
            "services": list(self.services),
        }  # fmt: skip


def at_old_host(logins: Iterable[Login], cut_over_at: datetime, now: datetime) -> list[OldHostUser]:
    """Mailboxes that were seen at the old host after the cut-over, let in or not; the newest first."""
    after: dict[str, list[Login]] = {}
    before: set[tuple[str, str]] = set()
    for one in logins:
        if one.at > cut_over_at:
            after.setdefault(one.address, []).append(one)
        elif one.let_in:
            before.add((one.address, one.client))
    found = [_user(address, seen, before, now) for address, seen in after.items()]
    return sorted(found, key=lambda one: (one.last_seen, one.address), reverse=True)


def _user(address: str, seen: Sequence[Login], before: set[tuple[str, str]], now: datetime) -> OldHostUser:
    newest = sorted(seen, key=lambda one: one.at, reverse=True)
    clients = tuple(dict.fromkeys(one.client for one in newest))
    return OldHostUser(
        address, newest[0].at, clients, tuple(sorted({one.service for one in seen})), newest[0].at > now - STILL,
        any(one.let_in or (address, one.client) in before for one in seen),
    )  # fmt: skip
