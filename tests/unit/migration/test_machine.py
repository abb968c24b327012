"""The state machine against its table: what leads where, what each guard refuses, who is told, who serves."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailtenant.migration import TRANSITIONS, Migration, Notice, Refused, Side, State, Window, apply, events
from mailtenant.migration.diagram import meanings, mermaid, table
from mailtenant.migration.evidence import CopyReport, DnsSeen, Item, Probe, SmokeTest, Verification
from mailtenant.migration.states import MEANINGS
from tests.unit.migration.examples import (
    EQUAL,
    GREEN,
    NOW,
    POLICY,
    PROBES,
    SEEN,
    START,
    UNEQUAL,
    WINDOW,
    migration_in,
    steps,
    told,
)

PAGE = Path(__file__).resolve().parents[3] / "docs" / "control-plane.md"
AFTER_FLIP = {State.CUT_OVER, State.VERIFYING, State.HOLDING, State.COMPLETED, State.ROLLING_BACK}


def test_a_migration_that_goes_well_passes_through_every_state_and_tells_the_customer() -> None:
    current, notices = START, []
    for wanted, event, at in steps():
        applied = apply(current, event, at, POLICY)
        assert applied.migration.state is wanted
        assert applied.migration.serving is (Side.TENANT if wanted in AFTER_FLIP else Side.SHARED)
        notices += [applied.notice] if applied.notice else []
        current = told(applied.migration)
    assert notices == [Notice.SCHEDULED, Notice.STARTED, Notice.CONNECTION, Notice.COMPLETED]


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_reached_and_serves_one_side(state: State) -> None:
    migration = migration_in(state)
    assert migration.state is state
    # This failure happened before the flip.
    assert migration.serving is (Side.TENANT if state in AFTER_FLIP else Side.SHARED)


@pytest.mark.parametrize("state", State)
def test_only_the_events_of_the_table_are_possible(state: State) -> None:
    migration = migration_in(state)
    known = {line.event for line in TRANSITIONS if line.source is state}
    every: list[events.Event] = [event for _, event, _ in steps()]
    every += [
        events.Reschedule(WINDOW), events.Defer(NOW, ""), events.OptOut(NOW, ""), events.Resume(), events.Expire(),
        events.Remind(), events.SendRecords("MX …"),
        events.RestoreRecords("MX …"), events.Unfreeze(""), events.Fail("", ""), events.Retry(),
        events.RollBack(""), events.FlipBack(EQUAL), events.RolledBack(), events.Request(),
    ]  # fmt: skip
    assert {type(event) for event in every} == {line.event for line in TRANSITIONS}
    for event in every:
        if type(event) not in known:
            with pytest.raises(Refused, match="is not possible in state"):
                apply(migration, event, NOW, POLICY)


@pytest.mark.parametrize(
    ("state", "event", "changes", "at", "said"),
    [
        (State.REQUESTED, events.Schedule(WINDOW), {"label": None}, NOW, "label is not confirmed"),
        (State.REQUESTED, events.Schedule(WINDOW), {"checklist": {}}, NOW, "item `dns` is red"),
        (State.REQUESTED, events.Schedule(WINDOW), {}, NOW + timedelta(days=4), "notice period of 7 days"),
        (State.SCHEDULED, events.Reschedule(WINDOW), {}, NOW + timedelta(days=4), "notice period of 7 days"),
        (State.REQUESTED, events.Defer(NOW, "x"), {}, NOW, "not in the future"),
        (State.OPTED_OUT, events.Expire(), {}, NOW, "not there yet"),
        (State.PREPARING, events.Prepared(SmokeTest(False, ("465: refused",))), {}, NOW, "465: refused"),
        (State.PREPARED, events.SendRecords("MX …"), {}, NOW, "no domain of this customer is entered by hand"),
        (State.PREPARED, events.SendRecords("MX …"), {"manual_dns": True, "records_sent": True}, NOW, "sent already"),
        (
            State.PREPARED,
            events.StartCopy(SEEN),
            {"checklist": {k: v for k, v in GREEN.items() if k is not Item.TEAM}},
            NOW,
            "checklist is not green: team",
        ),
        (State.PREPARED, events.StartCopy(SEEN), {"notified": None}, NOW, "has not been sent"),
        (
            State.PREPARED,
            events.StartCopy(SEEN),
            {"notified": WINDOW.start - timedelta(days=6)},
            NOW,
            "less than 7 days before",
        ),
        (State.PREPARED, events.StartCopy(replace(SEEN, resolvers=1)), {}, NOW, "1 of 2 resolvers"),
        (State.PREPARED, events.StartCopy(replace(SEEN, authoritative=False)), {}, NOW, "not all authoritative"),
        (State.PREPARED, events.StartCopy(replace(SEEN, waited=False)), {}, NOW, "old TTL"),
        (State.PREPARED, events.StartCopy(DnsSeen(2, True, True, ("MX acme.test",))), {}, NOW, "MX acme.test"),
        (State.COPYING, events.Remind(), {}, NOW, "within 1 day before"),
        (State.COPYING, events.Freeze(EQUAL), {}, WINDOW.start - timedelta(minutes=1), "window opens at"),
        (State.COPYING, events.Freeze(EQUAL), {}, WINDOW.end - timedelta(minutes=14), "no longer fits"),
        (State.COPYING, events.Freeze(EQUAL), {"notified": None}, WINDOW.start, "has not been sent"),
        (State.COPYING, events.Freeze(CopyReport(2, EQUAL.mailboxes)), {}, WINDOW.start, "1 of 2 mailboxes"),
        (State.FROZEN, events.CutOver(UNEQUAL), {}, WINDOW.start, "jo@acme.test INBOX: messages 3 → 2"),
        (State.FROZEN, events.CutOver(CopyReport(2, EQUAL.mailboxes)), {}, WINDOW.start, "1 of 2 mailboxes"),
        (State.FROZEN, events.CutOver(EQUAL), {}, WINDOW.start + timedelta(minutes=21), "longer than the announced 15"),
        (State.CUT_OVER, events.Verify(replace(SEEN, resolvers=0)), {}, WINDOW.start, "0 of 2 resolvers"),
        (State.VERIFYING, events.Verified(Verification((), NOW)), {}, NOW, "none was run"),
        (
            State.VERIFYING,
            events.Verified(Verification((Probe("send", False, "451"),), None)),
            {},
            NOW,
            r"send \(451\)",
        ),
        (State.VERIFYING, events.Verified(Verification(PROBES, NOW)), {}, NOW + timedelta(minutes=14), "stay green"),
        (State.HOLDING, events.Complete(), {}, WINDOW.start + timedelta(days=6), "hold of 7 days"),
        (State.HOLDING, events.Complete(), {"sign_off": None}, WINDOW.start + timedelta(days=13), "signed off"),
        (State.ROLLING_BACK, events.FlipBack(UNEQUAL), {}, NOW, "two sides differ"),
        (State.ROLLING_BACK, events.FlipBack(EQUAL), {"serving": Side.SHARED}, NOW, "nothing to flip back"),
        (State.ROLLING_BACK, events.RolledBack(), {}, NOW, "flip back first"),
    ],
)
def test_a_guard_refuses_and_says_why(
    state: State, event: events.Event, changes: dict[str, object], at: object, said: str
) -> None:
    migration = replace(migration_in(state), **changes)  # type: ignore[arg-type]
    with pytest.raises(Refused, match=said):
        apply(migration, event, at, POLICY)  # type: ignore[arg-type]


def test_every_reason_is_said_at_once() -> None:
    with pytest.raises(Refused) as refused:
        apply(Migration(), events.Schedule(WINDOW), NOW + timedelta(days=9), POLICY)
    assert len(refused.value.reasons) == 3


def test_without_a_sign_off_the_time_for_it_completes() -> None:
    holding = replace(migration_in(State.HOLDING), sign_off=None)
    assert (
        apply(holding, events.Complete(), WINDOW.start + timedelta(days=15), POLICY).migration.state is State.COMPLETED
    )


def test_another_date_needs_another_announcement() -> None:
    moved = apply(migration_in(State.COPYING), events.Reschedule(WINDOW), NOW, POLICY)
    assert moved.notice is Notice.RESCHEDULED
    assert (moved.migration.state, moved.migration.notified) == (State.COPYING, None)


def test_a_reminder_goes_out_once_for_a_window() -> None:
    at = WINDOW.start - timedelta(hours=20)
    reminded = apply(migration_in(State.COPYING), events.Remind(), at, POLICY)
    assert reminded.notice is Notice.REMINDER
    with pytest.raises(Refused, match="was done"):
        apply(reminded.migration, events.Remind(), at, POLICY)


def test_a_freeze_that_takes_too_long_opens_the_old_side_again() -> None:
    frozen = migration_in(State.FROZEN)
    copying = apply(frozen, events.Unfreeze("too long"), WINDOW.start + timedelta(hours=1), POLICY).migration
    assert (copying.state, copying.frozen_at, copying.serving) == (State.COPYING, None, Side.SHARED)


def test_retry_goes_on_where_it_failed() -> None:
    failed = migration_in(State.FAILED)
    assert failed.failure is not None
    assert (failed.failure.during, failed.failure.fix) == ("copying", "make room")
    assert apply(failed, events.Retry(), NOW, POLICY).migration.state is State.COPYING


def test_a_failure_after_the_flip_leaves_clients_on_the_tenant_host() -> None:
    failed = apply(migration_in(State.VERIFYING), events.Fail("x", "y"), NOW, POLICY).migration
    assert failed.serving is Side.TENANT


def test_there_is_no_way_back_from_completed() -> None:
    with pytest.raises(Refused, match="from here leads: nothing"):
        apply(migration_in(State.COMPLETED), events.RollBack("late"), NOW, POLICY)


def test_a_new_attempt_starts_without_the_old_evidence() -> None:
    again = apply(migration_in(State.ROLLED_BACK), events.Request(), NOW, POLICY).migration
    assert again == replace(START, attempt=2)


def test_a_window_is_in_utc_and_holds_its_interruption() -> None:
    with pytest.raises(ValueError, match="UTC"):
        Window(NOW.replace(tzinfo=None), 60, 10)
    with pytest.raises(ValueError, match="interruption"):
        Window(NOW, 60, 61)


@pytest.mark.parametrize("text", [mermaid(), table(), meanings()], ids=["diagram", "table", "meanings"])
def test_the_page_shows_this_very_machine(text: str) -> None:
    assert text in PAGE.read_text(encoding="utf-8"), "run `mailtenant schema`"


def test_every_state_says_what_it_means() -> None:
    assert set(MEANINGS) == set(State)
