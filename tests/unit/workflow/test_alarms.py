"""Alerts by the clock and of runs that only a person can help: each once, and none in a move that goes well."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from mailtenant.control import alerts
from mailtenant.control.tables import Alert, ChecklistItem
from mailtenant.migration import State, Window, events
from mailtenant.workflow import alarms

from .conftest import StageMaker
from .ends import agree, completes, is_rolled_back
from .stage import Stage


def told(stage: Stage) -> list[str]:
    with stage.plane.database.read() as session:
        return list(session.scalars(select(Alert.kind).order_by(Alert.id)))


def watched(stage: Stage, until: Callable[[], bool] = lambda: False) -> Callable[[], bool]:
    """Looks at the clock's alerts before each step, as the worker does; and signs off."""

    def before() -> bool:
        alarms.look(stage.plane)
        agree(stage)
        return until()

    return before


def reach(stage: Stage, state: State) -> None:
    stage.drive(watched(stage, lambda: stage.state is state))
    assert stage.state is state


def test_a_move_that_goes_well_tells_nothing(make: StageMaker) -> None:
    stage = make()
    stage.schedule()
    stage.drive(watched(stage))
    assert stage.state is State.COMPLETED
    assert told(stage) == []


def test_a_rollback_tells_that_it_was_ordered_and_done_and_nothing_else(make: StageMaker) -> None:
    stage = make()
    stage.schedule()
    is_rolled_back(stage)
    assert told(stage) == ["rollback-ordered", "rollback-done"]


def test_a_freeze_that_nobody_ends_is_told_once(make: StageMaker) -> None:
    stage = make()
    stage.schedule()
    reach(stage, State.FROZEN)
    stage.clock.at += timedelta(minutes=14)
    assert alarms.look(stage.plane) == 0
    stage.clock.at += timedelta(minutes=2)
    assert [alarms.look(stage.plane) for _ in range(3)] == [1, 0, 0]
    assert told(stage) == ["freeze-long"]
    with stage.plane.database.read() as session:
        (alert,) = alerts.listing(session, "acme")
    assert "15 minutes were announced" in alert.what


def test_after_userinfo_has_turned_the_interruption_lasts_until_the_new_side_is_open(make: StageMaker) -> None:
    stage = make()
    stage.schedule()
    reach(stage, State.CUT_OVER)
    stage.clock.at += timedelta(minutes=20)
    alarms.look(stage.plane)
    assert told(stage) == ["freeze-long"]


def test_a_rollback_in_the_middle_of_a_freeze_that_does_not_open_is_told(make: StageMaker) -> None:
    stage = make()
    stage.schedule()
    reach(stage, State.FROZEN)
    stage.order(events.RollBack("no"))
    stage.clock.at += timedelta(minutes=20)
    alarms.look(stage.plane)
    assert told(stage) == ["rollback-ordered", "freeze-long"]


def test_records_by_hand_that_do_not_come_are_told_and_so_is_the_window(make: StageMaker) -> None:
    stage = make(provider="manual", look=3600, longest_look=7200)
    stage.world.entered = False
    stage.schedule()
    stage.drive(watched(stage, lambda: "window-overrun" in told(stage)))
    assert told(stage) == ["records-missing", "window-overrun"]
    with stage.plane.database.read() as session:
        window, missing = alerts.listing(session, "acme")
    assert "before the move" in missing.what and "acme.test MX" in missing.what
    assert "still prepared" in window.what and "waiting for the records" in window.what
    # Another date is another window.
    stage.order(events.Reschedule(Window(stage.clock() + timedelta(days=8), 120, 15)))
    assert alarms.look(stage.plane) == 0
    stage.world.entered = True
    completes(stage)


def test_records_that_are_seen_are_not_missing_while_the_old_ones_are_remembered(make: StageMaker) -> None:
    stage = make(provider="manual")
    stage.schedule()
    stage.drive(watched(stage))
    assert told(stage) == []


def test_a_run_that_waits_for_a_person_is_told_once_for_each_event(make: StageMaker) -> None:
    stage = make()
    stage.schedule()
    reach(stage, State.PREPARED)
    with stage.plane.database.write() as session:
        for item in session.scalars(select(ChecklistItem)):
            session.delete(item)
    looks: list[int] = []

    def until() -> bool:
        looks.append(1)
        return len(looks) > 30

    stage.drive(watched(stage, until))
    assert told(stage).count("run-waits") == 1
    with stage.plane.database.read() as session:
        waits = session.scalars(select(Alert).where(Alert.kind == "run-waits")).one()
    assert "checklist" in waits.what


def test_a_window_that_is_over_is_told_before_and_then_waited_for(make: StageMaker) -> None:
    stage = make()
    stage.schedule()
    reach(stage, State.COPYING)
    window = stage.migration.window
    assert window is not None
    stage.clock.at = window.start + timedelta(minutes=80)
    assert alarms.look(stage.plane) == 1
    stage.clock.at = window.start + timedelta(minutes=110)
    stage.drive(watched(stage))
    assert told(stage) == ["window-overrun", "run-waits"]
    stage.drive(watched(stage))
    assert told(stage) == ["window-overrun", "run-waits"]


@pytest.mark.parametrize(("minutes", "early"), [(120, 74), (30, 7)])
def test_a_short_window_is_told_of_in_its_second_half(make: StageMaker, minutes: int, early: int) -> None:
    stage = make()
    stage.schedule(minutes=minutes)
    reach(stage, State.COPYING)
    window = stage.migration.window
    assert window is not None
    stage.clock.at = window.start + timedelta(minutes=early)
    assert alarms.look(stage.plane) == 0
    stage.clock.at += timedelta(minutes=1)
    assert alarms.look(stage.plane) == 1


def test_a_look_that_finds_nothing_new_is_one_question_and_writes_nothing(make: StageMaker) -> None:
    stage = make()
    stage.schedule()
    reach(stage, State.COPYING)
    asked: list[str] = []
    engine = stage.plane.database.engine
    event.listen(engine, "before_cursor_execute", lambda c, cursor, statement, *_: asked.append(statement))
    alarms.look(stage.plane)
    assert len([one for one in asked if one.startswith("SELECT")]) == 1
    assert not [one for one in asked if one.startswith(("INSERT", "UPDATE"))]
