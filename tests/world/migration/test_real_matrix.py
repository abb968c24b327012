"""The matrix on real servers: one shared host, one customer, mail flowing all the time.

A rollback leaves the shared host as the customer's system, so the same pair serves case after case, and what a case
must prove is the same each time: every message that any server took is in exactly one mailbox once, on the side that
serves. Provisioning is real: the first case makes the servers, `KEEP_SERVERS` leaves them to the next ones, which run
`up` on them. The played matrix (tests/unit/workflow) strikes every single operation; this one every step.
"""

import os
import time
from collections.abc import Iterator

import pytest

from mailtenant.control import customers
from mailtenant.migration import Migration, Side, State, events
from mailtenant.workflow import runs
from mailtenant.workflow.decide import Step
from tests.world.migration.test_whole_move import ended, settled
from world.layout import SHARED_NAME
from world.moving.__main__ import traffic_of
from world.moving.office import Office
from world.moving.scene import Scene
from world.moving.traffic import Traffic

WHOLE = os.environ.get("MAILTENANT_MATRIX") == "whole"
OWN = {
    "network": "mailtenant-matrix", "subnet": "10.82.0.0/24", "edge": "10.82.0.110", "internal": "10.82.1.0/28",
    "publish": "127.0.6.12", "shared_publish": "127.0.6.211", "label": "striker", "domain": "striker.test",
    "neighbour": "bystander.test",
}  # fmt: skip
FORWARD = [step for step in Step if not step.value.startswith("back_")]
ROLLED_BACK_AT = [step for step in FORWARD if step not in (Step.BEGIN, Step.UNFREEZE, Step.SETTLE, Step.COMPLETE)]
"""`unfreeze` is a freeze that was given up; from `settle` on there is no way back."""
KILLED_AT = [*(step for step in FORWARD if step is not Step.UNFREEZE)]
pytestmark = [pytest.mark.timeout(3600), pytest.mark.skipif(not WHOLE, reason="make test-migration")]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The surroundings of all cases, and a worker."""
    scene = Scene(tmp_path_factory.mktemp("matrix"), **OWN, environment={"MAILTENANT_MIGRATE_KEEP_SERVERS": "true"})
    scene.remove()
    try:
        scene.build()
        made = Office(scene)
        try:
            made.start_worker()
            yield made
        finally:
            made.close()
    finally:
        scene.remove()


@pytest.fixture(scope="module")
def traffic(office: Office) -> Iterator[Traffic]:
    flowing = traffic_of(office, "x")
    flowing.start()
    yield flowing
    flowing.stop()


def at(office: Office, step: Step) -> bool:
    """Whether the step is under way, or done already."""
    with office.plane.database.read() as session:
        run = runs.get(session, customers.find(session, office.scene.label))
        return run is not None and (run.step == step.value or step.value in run.done)


def reaches(office: Office, step: Step) -> None:
    office.until(lambda migration: at(office, step) or ended(migration))
    assert not ended(office.migration), (step, office.migration.failure)


def judged(office: Office, traffic: Traffic, host: str) -> None:
    """Nothing lost, doubled or refused, seen from outside and from within; the neighbour noticed nothing."""
    assert office.serving().host == host
    taken = len(traffic.ledger.accepted)
    deadline = time.monotonic() + 60
    while len(traffic.ledger.accepted) < taken + 4:
        assert time.monotonic() < deadline, "mail flows no more"
        time.sleep(0.2)  # between two looks of a poll with a deadline
    traffic.pause()
    try:
        assert settled(office, traffic) == []
    finally:
        traffic.go_on()
    assert traffic.neighbours.refused == []
    assert office.userinfo_problems() == []


def again(office: Office) -> None:
    """The customer asks for the move once more; a fresh window."""
    if office.migration.state is State.ROLLED_BACK:
        office.order(events.Request())
    office.schedule()


@pytest.mark.parametrize("step", ROLLED_BACK_AT)
def test_a_rollback_at_each_step_brings_everything_back(office: Office, traffic: Traffic, step: Step) -> None:
    again(office)
    reaches(office, step)
    office.order(events.RollBack(f"the matrix strikes at {step.value}"))
    office.until(ended)
    assert office.migration.state is State.ROLLED_BACK, office.migration.failure
    assert office.migration.serving is Side.SHARED
    judged(office, traffic, SHARED_NAME)


def faulty(office: Office, step: Step) -> Migration:
    """Waits until the run is past the step."""
    return office.until(lambda migration: _done(office, step) or ended(migration))


def _done(office: Office, step: Step) -> bool:
    with office.plane.database.read() as session:
        run = runs.get(session, customers.find(session, office.scene.label))
        return run is not None and step.value in run.done


@pytest.mark.parametrize(
    ("step", "service"),
    [(Step.ACCOUNTS, "database"), (Step.FIRST_PASS, "imap"), (Step.CATCH_UP, "imap"), (Step.FINAL, "database")],
)
def test_a_fault_of_the_new_side_is_waited_out_or_rolled_back(
    office: Office, traffic: Traffic, step: Step, service: str
) -> None:
    """A container of the new side is killed while the step runs, and comes back when the step has failed once."""
    again(office)
    reaches(office, step)
    name = f"mt-{office.scene.label}-{service}"
    office.scene.run("docker", "kill", name)
    time.sleep(2)  # the step meets the fault; a shorter one would be no fault
    office.scene.run("docker", "start", name)
    faulty(office, step)
    if office.migration.state is State.FAILED:
        office.order(events.RollBack("it failed"))
    elif office.migration.state is not State.ROLLED_BACK:
        office.order(events.RollBack("the fault was waited out"))
    office.until(lambda migration: migration.state is State.ROLLED_BACK)
    judged(office, traffic, SHARED_NAME)


def test_the_worker_killed_at_each_step_in_turn_loses_nothing(office: Office, traffic: Traffic) -> None:
    """The last case: the move is completed, by as many workers as it has steps."""
    again(office)
    killed = []
    for step in KILLED_AT:
        office.until(lambda migration, step=step: at(office, step) or ended(migration))  # type: ignore[misc]
        if office.migration.state is State.COMPLETED:
            break
        assert not ended(office.migration), (step, office.migration.failure)
        office.workers[-1].kill()
        office.workers[-1].wait(30)
        office.start_worker()
        killed.append(step)
    office.until(ended)
    assert office.migration.state is State.COMPLETED, office.migration.failure
    assert len(killed) > 15
    judged(office, traffic, office.scene.stack_file.settings.host)
