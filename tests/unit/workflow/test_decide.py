"""Which step is next, and that the page says the same."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailtenant.migration import Side, State
from mailtenant.workflow.decide import STEPS, Do, End, Marks, Step, Wait, decide, freeze_ends
from mailtenant.workflow.perform import ACTIONS
from mailtenant.workflow.settings import WorkflowSettings
from tests.unit.migration.examples import NOW, POLICY, WINDOW, migration_in, told

SETTINGS = WorkflowSettings()
DOCS = Path(__file__).resolve().parents[3] / "docs" / "migration.md"


def done(*steps: Step) -> Marks:
    return Marks(begun={step: {} for step in steps}, done={step: {} for step in steps})


def test_every_step_has_its_work_and_its_words() -> None:
    assert set(STEPS) == set(Step) == set(ACTIONS)
    assert list(STEPS) == list(Step)


def test_the_page_lists_the_steps_in_their_order() -> None:
    page = DOCS.read_text(encoding="utf-8")
    table = page.partition("<!-- steps: begin -->")[2].partition("<!-- steps: end -->")[0]
    rows = re.findall(r"^\| ([a-z_]+) \| (.*) \| (.*) \|$", table, re.MULTILINE)
    shown = [row for row in rows if row[0] != "step"]
    assert shown == [(step.value, does, undo) for step, (does, undo) in STEPS.items()]


@pytest.mark.parametrize("state", ["requested", "deferred", "opted_out", "rolled_back", "completed"])
def test_where_nothing_is_to_be_done_a_run_ends(state: str) -> None:
    assert isinstance(decide(migration_in(State(state)), Marks(), NOW, POLICY, SETTINGS), End)


def test_preparation_waits_for_the_announcement_and_then_for_its_day() -> None:
    scheduled = replace(migration_in(State.SCHEDULED), notified=None)
    assert decide(scheduled, Marks(), NOW, POLICY, SETTINGS) == Wait(
        NOW + timedelta(seconds=SETTINGS.look), "the announcement of the date is on its way"
    )
    begin = WINDOW.start - timedelta(days=SETTINGS.prepare_days)
    assert decide(told(scheduled), Marks(), NOW, POLICY, SETTINGS) == Wait(begin, "preparation begins then")
    assert decide(told(scheduled), Marks(), begin, POLICY, SETTINGS) == Do(Step.BEGIN)


def test_a_copy_waits_for_the_window_and_gives_up_where_it_no_longer_fits() -> None:
    copying, first = migration_in(State.COPYING), done(Step.FIRST_PASS)
    assert decide(copying, Marks(), NOW, POLICY, SETTINGS) == Do(Step.FIRST_PASS)
    assert decide(copying, first, NOW, POLICY, SETTINGS) == Wait(WINDOW.start, "the window opens then")
    assert decide(copying, first, WINDOW.start, POLICY, SETTINGS) == Do(Step.CATCH_UP)
    late = decide(copying, first, WINDOW.end - timedelta(minutes=5), POLICY, SETTINGS)
    assert isinstance(late, Wait) and late.until is None and "reschedule" in late.why


def test_a_freeze_ends_when_its_announced_time_is_over_or_a_step_gave_up() -> None:
    frozen = migration_in(State.FROZEN)
    ends = freeze_ends(frozen)
    assert ends is not None
    assert decide(frozen, Marks(), ends - timedelta(seconds=1), POLICY, SETTINGS) == Do(Step.FREEZE)
    assert decide(frozen, done(Step.FREEZE), ends - timedelta(seconds=1), POLICY, SETTINGS) == Do(Step.FINAL)
    assert decide(frozen, done(Step.FREEZE), ends, POLICY, SETTINGS) == Do(Step.UNFREEZE)
    gave_up = Marks(begun={Step.UNFREEZE: {"reason": "x"}}, done={Step.FREEZE: {}})
    assert decide(frozen, gave_up, ends - timedelta(minutes=5), POLICY, SETTINGS) == Do(Step.UNFREEZE)


def test_the_way_back_undoes_what_was_begun_in_reverse() -> None:
    def order(migration: object, begun: tuple[Step, ...]) -> list[Step]:
        steps: list[Step] = []
        while not steps or steps[-1] is not Step.BACK_DONE:
            marks = Marks(begun={one: {} for one in begun}, done={one: {} for one in steps})
            found = decide(migration, marks, NOW, POLICY, SETTINGS)  # type: ignore[arg-type]
            assert isinstance(found, Do)
            steps.append(found.step)
        return steps

    back = migration_in(State.ROLLING_BACK)
    assert decide(back, Marks(), NOW, POLICY, SETTINGS) == Do(Step.BACK_CLOSE_TENANT)
    assert decide(back, done(Step.BACK_CLOSE_TENANT), NOW, POLICY, SETTINGS) == Do(Step.BACK_COPY)
    home = replace(back, serving=Side.SHARED)
    assert order(home, ()) == [Step.BACK_OPEN_SHARED, Step.BACK_DONE]
    assert order(home, (Step.PROVISION,)) == [
        Step.BACK_OPEN_SHARED, Step.BACK_RECORDS, Step.BACK_SERVERS, Step.BACK_DONE,
    ]  # fmt: skip
    whole = [
        Step.BACK_OPEN_SHARED, Step.BACK_RELAY, Step.BACK_MX, Step.BACK_SEE_MX, Step.BACK_DRAIN, Step.BACK_RECORDS,
        Step.BACK_SERVERS, Step.BACK_DONE,
    ]  # fmt: skip
    assert order(home, (Step.PROVISION, Step.OPEN_TENANT, Step.MX)) == whole
    copied = done(Step.BACK_COPY, Step.BACK_OPEN_SHARED, Step.OPEN_TENANT, Step.BACK_RELAY)
    assert decide(home, copied, NOW, POLICY, SETTINGS) == Do(Step.BACK_LATE)
    by_hand = order(replace(home, manual_dns=True), (Step.PROVISION, Step.OPEN_TENANT, Step.MX))
    assert by_hand == [*whole[:3], Step.BACK_SHEET, *whole[3:]]


def test_who_was_told_the_new_hosts_is_told_to_put_the_old_records_back() -> None:
    """The message that goes out when userinfo turns is what a customer enters the MX by, ahead of the step `mx`."""
    home = replace(migration_in(State.ROLLING_BACK), serving=Side.SHARED)
    turned = done(Step.FINAL, Step.BACK_COPY, Step.BACK_OPEN_SHARED, Step.BACK_LATE)
    assert decide(home, turned, NOW, POLICY, SETTINGS) == Do(Step.BACK_DONE)
    by_hand = replace(home, manual_dns=True)
    assert decide(by_hand, turned, NOW, POLICY, SETTINGS) == Do(Step.BACK_MX)
    assert decide(by_hand, Marks(turned.begun, {**turned.done, Step.BACK_MX: {}}), NOW, POLICY, SETTINGS) == Do(
        Step.BACK_SHEET
    )
