"""Before the first copy of a mailbox its target is empty, or only this move has filled it."""

import itertools
import time
from types import SimpleNamespace

import pytest

from mailtenant.control import customers, migrations
from mailtenant.migration import State, events
from mailtenant.workflow import job

from .conftest import StageMaker
from .ends import agree, completes, fails, is_rolled_back, judged
from .played import Killed


def test_foreign_mail_on_the_new_side_stops_the_move_before_anything_is_copied(make: StageMaker) -> None:
    stage = make()
    stage.world.tenant.boxes["jo@acme.test"] = {"early-1": "", "early-2": ""}
    stage.schedule()
    failure = fails(stage)
    assert failure.why.endswith("hold mail before their first copy: jo@acme.test (2 messages)")
    assert "mailtenant mailbox remove acme ADDRESS --delete-mail" in failure.fix
    assert "copy.to_tenant" not in stage.world.log
    assert stage.world.shared.mode == "open"
    # What the fix says.
    del stage.world.tenant.boxes["jo@acme.test"]
    stage.order(events.Retry())
    completes(stage)


def test_a_worker_killed_in_the_midst_of_the_first_pass_is_followed_by_one_that_knows_its_half(
    make: StageMaker,
) -> None:
    stage = make()
    killed: list[str] = []

    def between(address: str) -> None:
        if len(killed) < 2:
            killed.append(address)
            raise Killed

    stage.world.between = between
    stage.schedule()
    stage.drive(lambda: agree(stage))
    assert killed == ["ann@acme.test"] * 2
    judged(stage)
    assert stage.migration.state is State.COMPLETED


def test_a_pass_that_begins_anew_shows_no_less_than_the_one_that_was_cut_off(
    make: StageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two seconds more at each look: progress is reported at most once a second.
    seconds = itertools.count(time.monotonic(), 2.0)
    monkeypatch.setattr(job, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    stage = make()
    shown: list[tuple[int, int, int]] = []

    def before(number: int, name: str) -> None:
        # The first question of the first pass: as if an earlier worker had come so far.
        if name == "holds.to_shared":
            migrations.report_progress(stage.plane, "acme", migrations.Progress("first_pass", 2, 2, 500, 0, 10**6))

    def between(address: str) -> None:
        with stage.plane.database.read() as session:
            progress = migrations.load(session, customers.find(session, "acme"))[0].progress
        shown.append((progress["mailboxes"], progress["messages"], progress["octets"]))

    stage.world.before, stage.world.between = before, between
    stage.schedule()
    stage.drive(lambda: agree(stage))
    judged(stage)
    assert shown[:2] == [(2, 500, 10**6)] * 2
    # The next step has its own.
    assert [one[0] for one in shown[2:4]] == [1, 2] and max(one[2] for one in shown[2:]) < 10**6


def test_a_mailbox_made_after_the_first_pass_is_asked_for_at_its_own_first_copy(make: StageMaker) -> None:
    stage = make()
    world = stage.world

    def after(number: int, name: str) -> None:
        if name == "copy.to_tenant" and "bob@acme.test" not in world.shared.boxes:
            world.shared.boxes["bob@acme.test"] = {}
            world.tenant.boxes["bob@acme.test"] = {"early": ""}

    world.after = after
    stage.schedule()
    failure = fails(stage)
    assert "bob@acme.test (1 messages)" in failure.why


def test_a_customer_that_was_rolled_back_may_move_again_onto_what_its_volumes_kept(make: StageMaker) -> None:
    stage = make()
    stage.schedule()
    is_rolled_back(stage)
    assert any(stage.world.tenant.boxes.values())
    for _ in range(8):
        stage.world.traffic()
    stage.order(events.Request())
    stage.schedule()
    completes(stage)
