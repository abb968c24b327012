"""A freeze that does not hold: logins that are let in, and mail that is written after the last copy."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from mailtenant.control.tables import AuditEntry
from mailtenant.migration import State, events
from mailtenant.migration.sides import SideError

from .conftest import StageMaker
from .ends import agree, completes, fails, is_rolled_back, judged
from .played import Killed, System
from .stage import Stage


def recorded(stage: Stage) -> list[tuple[str, dict[str, int]]]:
    """(step, mailbox → messages) of the audit trail."""
    with stage.plane.database.read() as session:
        query = select(AuditEntry.detail).where(AuditEntry.action == "move.late_mail").order_by(AuditEntry.id)
        return [(detail["step"], detail["new"]) for detail in session.scalars(query)]


def slips_in_after(stage: Stage, operation: str, server: System, when: Callable[[], bool]) -> list[str]:
    """A message is written into a mailbox of the server after the first such operation at which `when` holds."""
    done: list[str] = []

    def after(number: int, name: str) -> None:
        if name == operation and not done and when():
            done.append("late-1")
            stage.world.slips_in(server, "late-1")

    stage.world.after = after
    return done


def test_a_freeze_whose_logins_are_not_denied_is_given_up_and_the_old_side_opened(make: StageMaker) -> None:
    stage = make(tries=2)
    stage.world.shared.admits = True
    stage.schedule()
    failure = fails(stage)
    assert "logins are not denied: imap @acme.test" in failure.why
    assert stage.world.shared.mode == "open" and stage.serving() == "shared"
    # Nothing was copied for good while people could still write.
    assert "late.to_tenant" not in stage.world.log
    stage.world.shared.admits = False
    stage.order(events.Retry())
    completes(stage)


def test_mail_written_on_the_old_side_after_the_last_copy_is_brought_over_and_recorded(make: StageMaker) -> None:
    stage = make()
    world = stage.world
    done = slips_in_after(stage, "copy.to_tenant", world.shared, lambda: world.shared.mode == "frozen")
    stage.schedule()
    completes(stage)
    assert done
    assert recorded(stage) == [("late", {"jo@acme.test": 1})]
    assert world.log.count("late.to_tenant") == 1


def test_where_nothing_was_written_late_nothing_is_copied_a_second_time(make: StageMaker) -> None:
    stage = make()
    stage.schedule()
    stage.drive(lambda: agree(stage))
    assert "holds.to_tenant" in stage.world.log and "late.to_tenant" not in stage.world.log
    assert recorded(stage) == []


def test_a_session_that_outlives_the_freeze_stops_before_mx(make: StageMaker) -> None:
    stage = make(tries=2)
    world = stage.world

    def after(number: int, name: str) -> None:
        if name == "shared.relay":
            world.shared.sessions = 1

    world.after = after
    stage.schedule()
    failure = fails(stage)
    assert failure.why == "1 sessions have not ended in 1 s"
    assert world.phase == "additive" and "holds.to_tenant" not in world.log


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_while_it_brings_over_late_mail_is_followed_by_one_that_does(
    make: StageMaker, moment: str
) -> None:
    stage = make()
    world = stage.world
    done = slips_in_after(stage, "copy.to_tenant", world.shared, lambda: world.shared.mode == "frozen")
    slip, killed = world.after, list[str]()

    def strike(number: int, name: str) -> None:
        if moment == "after":
            slip(number, name)
        if name == "late.to_tenant" and not killed:
            killed.append(name)
            raise Killed

    setattr(world, moment, strike)
    stage.schedule()
    stage.drive(lambda: agree(stage))
    assert done and killed
    judged(stage)
    assert recorded(stage) == [("late", {"jo@acme.test": 1})]


def test_mail_written_on_the_new_side_after_the_copy_back_is_brought_over_and_recorded(make: StageMaker) -> None:
    stage = make()
    world = stage.world
    done = slips_in_after(stage, "copy.to_shared", world.tenant, lambda: True)
    stage.schedule()
    is_rolled_back(stage)
    assert done
    assert recorded(stage) == [("back_late", {"jo@acme.test": 1})]


def test_a_rollback_before_late_mail_was_brought_over_keeps_it(make: StageMaker) -> None:
    stage = make()
    world = stage.world
    done = slips_in_after(stage, "copy.to_tenant", world.shared, lambda: world.shared.mode == "frozen")
    slip, ordered = world.after, list[str]()

    def after(number: int, name: str) -> None:
        slip(number, name)
        if name == "tenant.thaw" and done and not ordered:
            ordered.append(name)
            stage.order(events.RollBack("wanted"))

    world.after = after
    stage.schedule()
    stage.drive(lambda: agree(stage))
    assert ordered
    judged(stage)
    assert stage.migration.state is State.ROLLED_BACK
    assert recorded(stage) == [("back_copy", {"jo@acme.test": 1})]


def test_an_old_side_that_lets_people_in_after_the_cut_over_stops_before_mx(make: StageMaker) -> None:
    stage = make(tries=2)
    world = stage.world

    def after(number: int, name: str) -> None:
        if name == "shared.relay":
            world.shared.admits = True

    world.after = after
    stage.schedule()
    failure = fails(stage)
    assert "logins are not denied" in failure.why
    assert world.phase == "additive"
    world.shared.admits, world.after = False, lambda number, name: None
    stage.order(events.Retry())
    completes(stage)


def test_late_mail_that_cannot_be_copied_stops_and_is_not_forgotten(make: StageMaker) -> None:
    stage = make(tries=2)
    world = stage.world
    slips_in_after(stage, "copy.to_tenant", world.shared, lambda: world.shared.mode == "frozen")
    broken = [True]

    def before(number: int, name: str) -> None:
        if name == "late.to_tenant" and broken:
            raise SideError("the target is full")

    world.before = before
    stage.schedule()
    failure = fails(stage)
    assert "the target is full" in failure.why
    broken.clear()
    stage.order(events.Retry())
    completes(stage)
