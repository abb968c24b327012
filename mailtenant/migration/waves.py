"""The whole customer list into weekly waves: who moves when, whether all fit before the deadline, and what a deferral
moves. Pure: same customers, same calendar, same plan.

A week never holds more customers than its cap; a window never holds more minutes of interruption than it has, as often
as customers may be moved side by side (`lanes`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from mailtenant.migration.evidence import Window

DEFAULT_DEADLINE = timedelta(days=61)
"""Two months."""


@dataclass(frozen=True, order=True)
class Customer:
    """`interruption`: announced minutes. `not_before`: earliest day, from a deferral or the notice period.

    `opted_out`: not to be moved at all for now. `canary`: goes first.
    """

    label: str
    interruption: int = 15
    not_before: date | None = None
    opted_out: bool = False
    canary: bool = False


@dataclass(frozen=True)
class Slot:
    """A window that comes back every week: `weekday` 0 is Monday, `at` is UTC."""

    weekday: int
    at: time
    minutes: int

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6 or self.minutes < 1:
            raise ValueError("a slot needs a weekday 0 (Monday) to 6 and at least 1 minute")
        if _minute(self.at) + self.minutes > 24 * 60:
            raise ValueError("a slot ends on the day on which it begins; make two of it")


@dataclass(frozen=True)
class Calendar:
    """`deadline` is the last day on which somebody may be moved. `cap`: customers a week; weeks begin on `start`'s
    Monday. `lanes`: how many may be moved at the same time. `given`: windows that customers beside the list have
    already; they count in their week, and take their interruption's place in a slot."""

    start: date
    deadline: date
    cap: int
    slots: tuple[Slot, ...]
    lanes: int = 1
    given: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        if self.deadline < self.start:
            raise ValueError(f"the deadline {self.deadline} is before the first day {self.start}; take a later one")
        if self.cap < 1 or self.lanes < 1 or not self.slots:
            raise ValueError("a calendar needs a cap and lanes of at least 1, and at least one slot")
        by_time = sorted(self.slots, key=lambda slot: (slot.weekday, slot.at))
        for one, other in pairwise(by_time):
            if one.weekday == other.weekday and _minute(one.at) + one.minutes > _minute(other.at):
                raise ValueError("two slots of a weekday overlap; make one of them, with more lanes")

    def windows(self) -> tuple[tuple[date, Slot], ...]:
        """Every window from `start` to `deadline`, by time: its day and its slot."""
        days = range((self.deadline - self.start).days + 1)
        found = [
            (self.start + timedelta(days=offset), slot)
            for offset in days
            for slot in self.slots
            if (self.start + timedelta(days=offset)).weekday() == slot.weekday
        ]
        return tuple(sorted(found, key=lambda pair: (pair[0], pair[1].at, pair[1].minutes)))


@dataclass(frozen=True)
class Placed:
    """A customer and its window."""

    label: str
    week: date
    window: Window


@dataclass(frozen=True)
class WavePlan:
    """`left_out`: label → why it has no place. `fits`: every customer that wants to move has one."""

    placed: tuple[Placed, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    opted_out: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        return not self.left_out

    @property
    def last_day(self) -> date | None:
        """The day of the last move."""
        return max((one.window.start.date() for one in self.placed), default=None)

    def weeks(self) -> dict[date, tuple[Placed, ...]]:
        """Monday of each week → who moves in it, by time."""
        found: dict[date, list[Placed]] = {}
        for one in sorted(self.placed, key=lambda one: (one.window.start, one.label)):
            found.setdefault(one.week, []).append(one)
        return {week: tuple(members) for week, members in found.items()}


@dataclass(frozen=True)
class Move:
    """What a change of the list does to one customer; None: no place."""

    label: str
    before: Window | None
    after: Window | None


def plan(customers: Sequence[Customer], calendar: Calendar) -> WavePlan:
    """Canaries first, then small before large, so that risk rises slowly; if that leaves somebody out, large before
    small, which packs tighter.

    Raises: ValueError, if a label stands twice.
    """
    if len({one.label for one in customers}) != len(customers):
        raise ValueError("a label stands twice in the customer list")
    gentle = _place(sorted(customers, key=_small_first), calendar, WavePlan(()))
    if gentle.fits:
        return gentle
    tight = _place(sorted(customers, key=_large_first), calendar, WavePlan(()))
    return min((gentle, tight), key=lambda found: len(found.left_out))


def defer(
    before: WavePlan, customers: Sequence[Customer], calendar: Calendar, label: str, until: date
) -> tuple[WavePlan, tuple[Move, ...]]:
    """The plan after `label` is put off until a day. Dates that were given stay: only this customer moves, and those
    that had no place may get the one that it left.

    Raises: KeyError, if there is no such customer.
    """
    by_label = {one.label: one for one in customers}
    by_label[label] = replace(by_label[label], not_before=max(until, by_label[label].not_before or until))
    kept = WavePlan(tuple(one for one in before.placed if one.label != label))
    there = {one.label for one in kept.placed}
    # Those that wait already come before the one that leaves its place.
    waiting = sorted((one for one in by_label.values() if one.label not in there), key=_small_first)
    waiting.sort(key=lambda one: one.label == label)
    after = _place(waiting, calendar, kept)
    old = {one.label: one.window for one in before.placed}
    new = {one.label: one.window for one in after.placed}
    moves = (Move(name, old.get(name), new.get(name)) for name in sorted(by_label))
    return after, tuple(move for move in moves if move.before != move.after)


@dataclass
class _Taken:
    """What is given away while placing: intervals (offset, minutes) of each window, members of each week."""

    windows: Sequence[tuple[date, Slot]]
    intervals: list[list[tuple[int, int]]]
    members: dict[date, int] = field(default_factory=dict)

    def add(self, number: int, offset: int, minutes: int) -> None:
        self.intervals[number].append((offset, minutes))
        self.count(self.windows[number][0])

    def count(self, day: date) -> None:
        self.members[_week(day)] = self.members.get(_week(day), 0) + 1

    def add_fixed(self, window: Window) -> None:
        """Counts in its week wherever it lies: a date may have been agreed on outside every slot."""
        self.count(window.start.date())
        for number, (day, slot) in enumerate(self.windows):
            offset = int((window.start - _start(day, slot)).total_seconds()) // 60
            if 0 <= offset < slot.minutes:
                self.intervals[number].append((offset, window.interruption))


def _place(order: Sequence[Customer], calendar: Calendar, fixed: WavePlan) -> WavePlan:
    """Each into the first window that takes it, beside those that are fixed."""
    windows = calendar.windows()
    taken = _Taken(windows, [[] for _ in windows])
    for window in (*calendar.given, *(one.window for one in fixed.placed)):
        taken.add_fixed(window)
    placed, left_out, opted_out = list(fixed.placed), {}, []
    for customer in order:
        if customer.opted_out:
            opted_out.append(customer.label)
        elif found := _first_place(customer, calendar, taken):
            placed.append(found)
        else:
            left_out[customer.label] = _why(customer, calendar)
    return WavePlan(tuple(placed), left_out, tuple(sorted(opted_out)))


def _first_place(customer: Customer, calendar: Calendar, taken: _Taken) -> Placed | None:
    for number, (day, slot) in enumerate(taken.windows):
        week = _week(day)
        if (customer.not_before and day < customer.not_before) or taken.members.get(week, 0) >= calendar.cap:
            continue
        offset = _free_offset(taken.intervals[number], slot.minutes, customer.interruption, calendar.lanes)
        if offset is not None:
            taken.add(number, offset, customer.interruption)
            start = _start(day, slot) + timedelta(minutes=offset)
            return Placed(customer.label, week, Window(start, customer.interruption, customer.interruption))
    return None


def _free_offset(intervals: Sequence[tuple[int, int]], size: int, minutes: int, lanes: int) -> int | None:
    """The earliest minute of a window from which fewer than `lanes` others go on at any time."""
    for offset in sorted({0, *(begin + length for begin, length in intervals)}):
        if offset + minutes > size:
            return None
        # The crowd changes only where somebody begins.
        moments = {offset, *(begin for begin, _ in intervals if offset < begin < offset + minutes)}
        if all(sum(begin <= at < begin + length for begin, length in intervals) < lanes for at in moments):
            return offset
    return None


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _start(day: date, slot: Slot) -> datetime:
    return datetime.combine(day, slot.at, UTC)


def _why(customer: Customer, calendar: Calendar) -> str:
    longest = max(slot.minutes for slot in calendar.slots)
    if customer.interruption > longest:
        return f"its interruption of {customer.interruption} minutes is longer than every window ({longest} at most)"
    if customer.not_before and customer.not_before > calendar.deadline:
        return f"put off until {customer.not_before}, after the deadline {calendar.deadline}"
    return f"no window before {calendar.deadline} has room; raise the cap, add windows or lanes, or move the deadline"


def _small_first(customer: Customer) -> tuple[bool, date, int, str]:
    return not customer.canary, customer.not_before or date.min, customer.interruption, customer.label


def _large_first(customer: Customer) -> tuple[bool, int, str]:
    return not customer.canary, -customer.interruption, customer.label
