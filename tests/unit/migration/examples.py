"""Migrations and evidence for tests: everything green unless a test says otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mailtenant.migration import Migration, Policy, Side, State, Window, apply, events
from mailtenant.migration.evidence import (
    CopyReport,
    DnsSeen,
    FolderFacts,
    Item,
    MailboxReport,
    Probe,
    SmokeTest,
    Verification,
)

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
POLICY = Policy()
WINDOW = Window(NOW + timedelta(days=10), minutes=120, interruption=15)
SEEN = DnsSeen(resolvers=2, authoritative=True, waited=True)
GREEN = dict.fromkeys(Item, "jo")
INBOX = FolderFacts(messages=3, octets=900, uidvalidity=1, digest="a")
EQUAL = CopyReport(1, (MailboxReport("jo@acme.test", {"INBOX": INBOX}, {"INBOX": INBOX}),))
UNEQUAL = CopyReport(1, (MailboxReport("jo@acme.test", {"INBOX": INBOX}, {"INBOX": replace(INBOX, messages=2)}),))
PROBES = (Probe("login", True), Probe("send", True))

START = Migration(label="acme", checklist=GREEN)


def steps() -> Sequence[tuple[State, events.Event, datetime]]:
    """A whole migration that goes well: the state after each event, the event, its time."""
    freeze = WINDOW.start + timedelta(minutes=5)
    cut = freeze + timedelta(minutes=3)
    return (
        (State.SCHEDULED, events.Schedule(WINDOW), NOW),
        (State.PREPARING, events.Prepare(), NOW + timedelta(days=1)),
        (State.PREPARED, events.Prepared(SmokeTest(True)), NOW + timedelta(days=2)),
        (State.COPYING, events.StartCopy(SEEN), NOW + timedelta(days=8)),
        (State.FROZEN, events.Freeze(EQUAL), freeze),
        (State.CUT_OVER, events.CutOver(EQUAL), cut),
        (State.VERIFYING, events.Verify(SEEN), cut + timedelta(minutes=10)),
        (State.HOLDING, events.Verified(Verification(PROBES, cut)), cut + timedelta(minutes=40)),
        (State.HOLDING, events.Agree("Jo Doe"), cut + timedelta(days=1)),
        (State.COMPLETED, events.Complete(), cut + timedelta(days=8)),
    )


def told(migration: Migration, at: datetime = NOW) -> Migration:
    """With the announcement of its window sent."""
    return replace(migration, notified=at)


def migration_in(state: State) -> Migration:
    """One that came to `state` by events of the table, all of it real."""
    if state is State.REQUESTED:
        return START
    if state in (State.DEFERRED, State.OPTED_OUT):
        kind = events.Defer if state is State.DEFERRED else events.OptOut
        return apply(START, kind(NOW + timedelta(days=30), "busy season"), NOW, POLICY).migration
    if state is State.FAILED:
        return apply(migration_in(State.COPYING), events.Fail("disk full", "make room"), NOW, POLICY).migration
    if state is State.ROLLING_BACK:
        return apply(migration_in(State.VERIFYING), events.RollBack("wanted"), NOW, POLICY).migration
    if state is State.ROLLED_BACK:
        back = apply(migration_in(State.ROLLING_BACK), events.FlipBack(EQUAL), NOW, POLICY).migration
        return apply(back, events.RolledBack(), NOW, POLICY).migration
    current = START
    for reached, event, at in steps():
        current = told(apply(current, event, at, POLICY).migration)
        if reached is state:
            return current
    raise AssertionError(state)


__all__ = ["EQUAL", "GREEN", "NOW", "POLICY", "SEEN", "START", "UNEQUAL", "WINDOW", "Side"]
