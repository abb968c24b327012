"""The planner of waves: what it promises holds for every list of customers."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings, strategies

from mailtenant.migration.evidence import Window
from mailtenant.migration.waves import DEFAULT_DEADLINE, Calendar, Customer, Slot, WavePlan, defer, plan

START = date(2026, 12, 1)
TWO_NIGHTS = (Slot(1, time(20), 120), Slot(3, time(4, 30), 60))


def calendar(cap: int = 3, days: int = DEFAULT_DEADLINE.days, lanes: int = 1) -> Calendar:
    return Calendar(START, START + timedelta(days=days), cap, TWO_NIGHTS, lanes)


@strategies.composite
def customer_lists(draw: strategies.DrawFn) -> list[Customer]:
    number = draw(strategies.integers(0, 25))
    return [
        Customer(
            f"c{i:02}",
            draw(strategies.sampled_from([5, 15, 30, 60, 120, 121])),
            draw(strategies.none() | strategies.integers(-5, 70).map(lambda days: START + timedelta(days=days))),
            draw(strategies.sampled_from([False, False, False, True])),
            draw(strategies.sampled_from([False, False, True])),
        )
        for i in range(number)
    ]


CALENDARS = strategies.builds(
    calendar, strategies.integers(1, 6), strategies.integers(0, 61), strategies.integers(1, 3)
)


def check(found: WavePlan, customers: list[Customer], within: Calendar) -> None:
    by_label = {one.label: one for one in customers}
    placed = [one.label for one in found.placed]
    assert len(set(placed)) == len(placed)
    assert set(placed) | set(found.left_out) | set(found.opted_out) == set(by_label)
    assert len(placed) + len(found.left_out) + len(found.opted_out) == len(customers)
    for members in found.weeks().values():
        assert len(members) <= within.cap
    for one in found.placed:
        day, customer = one.window.start.date(), by_label[one.label]
        assert within.start <= day <= within.deadline
        assert not customer.not_before or day >= customer.not_before
        assert one.week <= day < one.week + timedelta(days=7) and one.week.weekday() == 0
        assert any(
            slot.weekday == day.weekday()
            and datetime.combine(day, slot.at, UTC) <= one.window.start
            and one.window.end <= datetime.combine(day, slot.at, UTC) + timedelta(minutes=slot.minutes)
            for slot in within.slots
        )
        together = [o for o in found.placed if o.window.start <= one.window.start < o.window.end]
        assert len(together) <= within.lanes


@given(customer_lists(), CALENDARS)
@settings(max_examples=150)
def test_a_plan_keeps_cap_deadline_windows_and_wishes(customers: list[Customer], within: Calendar) -> None:
    found = plan(customers, within)
    check(found, customers, within)
    assert found.fits == (not found.left_out)
    assert plan(list(reversed(customers)), within) == found


@given(customer_lists(), CALENDARS)
@settings(max_examples=150)
def test_nobody_is_left_out_while_there_is_room(customers: list[Customer], within: Calendar) -> None:
    found = plan(customers, within)
    members = {week: len(list(there)) for week, there in found.weeks().items()}
    used = {one.window.start.date() for one in found.placed}
    for label in found.left_out:
        customer = next(one for one in customers if one.label == label)
        for day, slot in within.windows():
            week = day - timedelta(days=day.weekday())
            if (customer.not_before and day < customer.not_before) or customer.interruption > slot.minutes:
                continue
            # A window in which nobody is, in a week that is not full, would have taken it.
            assert members.get(week, 0) >= within.cap or day in used


@given(customer_lists().filter(lambda found: len(found) > 0), CALENDARS, strategies.data())
@settings(max_examples=150)
def test_a_deferral_moves_nobody_who_has_a_date(
    customers: list[Customer], within: Calendar, data: strategies.DataObject
) -> None:
    before = plan(customers, within)
    label = data.draw(strategies.sampled_from(customers)).label
    until = START + timedelta(days=data.draw(strategies.integers(0, 80)))
    after, moves = defer(before, customers, within, label, until)
    check(after, customers, within)
    for move in moves:
        assert move.label == label or move.before is None
    for one in after.placed:
        assert one.label != label or one.window.start.date() >= until


def test_a_list_that_does_not_fit_says_who_and_what_would_help() -> None:
    found = plan([Customer(f"c{i}") for i in range(5)], calendar(cap=2, days=13))
    assert not found.fits
    assert len(found.placed) == 4
    assert "raise the cap" in next(iter(found.left_out.values()))
    assert found.last_day == date(2026, 12, 10) or found.last_day == date(2026, 12, 8)


def test_without_an_end_in_sight_two_months_hold_nine_weeks_of_customers() -> None:
    found = plan([Customer(f"c{i:02}") for i in range(27)], calendar(cap=3))
    assert found.fits
    assert [len(members) for members in found.weeks().values()] == [3] * 9


def test_canaries_go_first() -> None:
    found = plan([Customer("big", 60), Customer("small", 5), Customer("brave", 60, canary=True)], calendar(cap=1))
    assert [one.label for one in found.placed] == ["brave", "small", "big"]


def test_a_deferral_gives_its_place_to_one_that_waits() -> None:
    customers = [Customer(f"c{i}") for i in range(3)]
    within = calendar(cap=1, days=13)
    before = plan(customers, within)
    assert list(before.left_out) == ["c2"]
    after, moves = defer(before, customers, within, "c0", START + timedelta(days=90))
    assert {move.label for move in moves} == {"c0", "c2"}
    assert "put off until" in after.left_out["c0"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cap": 0}, "cap"),
        ({"deadline": START - timedelta(days=1)}, "before the first day"),
        ({"slots": ()}, "slot"),
        ({"slots": (Slot(1, time(20), 120), Slot(1, time(21), 30))}, "overlap"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(change: dict[str, object], said: str) -> None:
    good: dict[str, object] = {"start": START, "deadline": START, "cap": 1, "slots": TWO_NIGHTS}
    with pytest.raises(ValueError, match=said):
        Calendar(**(good | change))  # type: ignore[arg-type]


def test_dates_that_are_given_already_take_their_place() -> None:
    """Two on the first evening, one of them outside every slot: with a cap of 3 there is room for one more that week,
    and it does not begin while the other is under way."""
    first = datetime(2026, 12, 1, 20, tzinfo=UTC)
    given = (Window(first, 120, 30), Window(first.replace(hour=9), 60, 15))
    made = plan([Customer("a"), Customer("b")], replace(calendar(cap=3), given=given))
    one, other = sorted(made.placed, key=lambda placed: placed.window.start)
    assert one.window.start == first + timedelta(minutes=30)
    assert other.window.start.date() >= date(2026, 12, 7)
    full = plan([Customer("a")], replace(calendar(cap=2, days=6), given=given))
    assert full.left_out
    put_off, moves = defer(
        made, [Customer("a"), Customer("b")], replace(calendar(cap=3), given=given), one.label, START
    )
    assert [move.label for move in moves] == []
    assert put_off.fits


def test_a_label_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        plan([Customer("a"), Customer("a")], calendar())
