"""How a played move ends, and what must be true then."""

from mailtenant.migration import State, events
from mailtenant.migration.evidence import Failure

from .stage import Stage


def agree(stage: Stage) -> bool:
    """Signs off as soon as the hold begins."""
    if stage.state is State.HOLDING and stage.migration.sign_off is None:
        stage.order(events.Agree("Jo Doe"))
    return False


def judged(stage: Stage) -> None:
    """Complete or rolled back, and nothing lost."""
    state = stage.migration.state
    assert state in (State.COMPLETED, State.ROLLED_BACK), (state, stage.migration.failure, stage.looks[-5:])
    serving = stage.world.tenant if state is State.COMPLETED else stage.world.shared
    assert stage.serving() == serving.name
    stage.world.settle_down()
    assert stage.world.verdict(serving) == []
    assert stage.world.overlaps == 1


def completes(stage: Stage) -> None:
    """Goes on to the end, which is the good one."""
    stage.drive(lambda: agree(stage))
    judged(stage)
    assert stage.migration.state is State.COMPLETED


def fails(stage: Stage) -> Failure:
    """Goes on until it stands failed; why, and the fix."""
    stage.drive(lambda: agree(stage))
    failed = stage.migration
    assert failed.state is State.FAILED and failed.failure is not None, failed.state
    return failed.failure


def is_rolled_back(stage: Stage) -> None:
    """Goes on, is taken back while it is verified, and loses nothing."""

    def roll_back() -> bool:
        if stage.state is State.VERIFYING:
            stage.order(events.RollBack("wanted"))
        return False

    stage.drive(roll_back)
    judged(stage)
    assert stage.migration.state is State.ROLLED_BACK
