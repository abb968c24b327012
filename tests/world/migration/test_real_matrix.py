"""The matrix on real servers: one shared host, one customer, mail flowing all the time.

A rollback leaves the shared host as the customer's system, so the same pair serves case after case, and what a case
must prove is the same each time: every message that any server took is in exactly one mailbox once, on the side that
serves. Provisioning is real where the servers are made (twice: `provision`, and under the worker that is killed at each
step) and with the customer's zone at a provider; the other cases begin on servers that stand. The played matrix
(tests/unit/workflow) strikes every single operation; this one every step.

`MAILTENANT_MATRIX_DATABASE=postgresql` runs a part of it, one case a kind, with the control plane on PostgreSQL and two
workers. Neither is run without `MAILTENANT_MATRIX=whole`: `make test-migration`.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from mailtenant.migration import State
from mailtenant.workflow.decide import Step
from tests.world.control import postgresql
from tests.world.migration.moves import at, done, ended, judged, scene, surroundings
from tests.world.migration.pair import Fault, Pair
from tests.world.tenants import eventually
from world.faulty_server import Fault as ApiFault
from world.moving.__main__ import traffic_of
from world.moving.office import Office
from world.moving.provider import at_cloudflare
from world.moving.small_disk import SmallDisk
from world.moving.standing import always

WHOLE = os.environ.get("MAILTENANT_MATRIX") == "whole"
ON_POSTGRESQL = os.environ.get("MAILTENANT_MATRIX_DATABASE") == "postgresql"
PACES = {"keep_servers": "true", "lease": "5", "look": "0.5", "longest_look": "2"}
"""A dead worker's migration is taken over after seconds, and DNS is looked at often: nothing else is made shorter."""
FORWARD = [step for step in Step if not step.value.startswith("back_")]
ROLLED_BACK_AT = [step for step in FORWARD if step not in (Step.BEGIN, Step.UNFREEZE, Step.SETTLE, Step.COMPLETE)]
"""`unfreeze` is a freeze that was given up; from `settle` on there is no way back."""
STRUCK_AT: list[tuple[Step, Fault]] = [
    (Step.ACCOUNTS, "database"), (Step.FIRST_PASS, "imap"), (Step.CATCH_UP, "imap"), (Step.FREEZE, "full"),
    (Step.FINAL, "database"),
]  # fmt: skip
KILLED_AT = [*(step for step in FORWARD if step is not Step.UNFREEZE)]
if ON_POSTGRESQL:
    ROLLED_BACK_AT = [Step.PROVISION, Step.SEE_MX]
    STRUCK_AT = [(Step.CATCH_UP, "imap"), (Step.FREEZE, "full"), (Step.FINAL, "database")]
    KILLED_AT = [Step.PROVISION, Step.FIRST_PASS, Step.FREEZE, Step.FINAL, Step.RELAY, Step.MX, Step.VERIFY]
pytestmark = [pytest.mark.timeout(1800), pytest.mark.skipif(not WHOLE, reason="make test-migration")]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """URL of the control plane's database; empty: SQLite in the scene's folder."""
    if not ON_POSTGRESQL:
        yield ""
        return
    with postgresql.server() as server, postgresql.database(server) as url:
        yield url


@pytest.fixture(scope="module")
def office(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The surroundings of all cases, and as many workers as the database allows."""
    paces = {f"MAILTENANT_MIGRATE_{name.upper()}": value for name, value in PACES.items()}
    made = scene(
        tmp_path_factory.mktemp("matrix"), "matrix", 82, "striker", "bystander", ttl=1, standing=True, environment=paces
    )
    with surroundings(made, database, between_reads=0.2, leap=timedelta(days=4), spares=True) as office:
        for _ in range(2 if ON_POSTGRESQL else 1):
            office.start_worker()
        yield office


@pytest.fixture(scope="module")
def pair(office: Office) -> Iterator[Pair]:
    disk = SmallDisk(office.scene.run, office.scene.label)
    disk.make()
    traffic = traffic_of(office, "x", pause=1.0)
    traffic.start()
    yield Pair(office, traffic, disk)
    traffic.stop()


@pytest.mark.parametrize("step", ROLLED_BACK_AT)
def test_a_rollback_at_each_step_brings_everything_back(pair: Pair, step: Step) -> None:
    pair.before(step)
    pair.reaches(step)
    pair.rolled_back(f"the matrix strikes at {step.value}")


@pytest.mark.parametrize(("step", "fault"), STRUCK_AT)
def test_a_fault_of_the_new_side_is_waited_out_or_rolled_back(pair: Pair, step: Step, fault: Fault) -> None:
    """From this step on a container of the new side is dead, or its disk full, until a step has failed by it."""
    pair.before(step)
    pair.reaches(step)
    pair.meets(fault)
    pair.until_done(Step.FINAL if step is Step.FREEZE else step)
    pair.rolled_back("after the fault")


def test_a_disk_that_stays_full_stops_the_move_with_words_and_it_rolls_back(pair: Pair) -> None:
    pair.begin()
    pair.reaches(Step.SEE_ADDITIVE)
    with pair.fault("full"):
        pair.office.until(ended)
        failure = pair.office.migration.failure
        assert pair.office.migration.state is State.FAILED and failure is not None
        assert "space" in failure.why and "space" in failure.fix, failure
        pair.rolled_back("no room")


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite cannot be gone")
def test_workers_end_when_the_control_planes_database_is_gone_and_others_finish_the_freeze(pair: Pair) -> None:
    """Without a heartbeat they must not go on: others may have the migration."""
    pair.at_the_window()
    pair.reaches(Step.FREEZE)
    run, workers = pair.office.scene.run, list(pair.office.workers)
    run("docker", "pause", postgresql.NAME)
    try:
        eventually(lambda: all(one.poll() == -signal.SIGALRM for one in workers), what="the workers have ended")
    finally:
        run("docker", "unpause", postgresql.NAME)
    pair.reaches(Step.FINAL, done)
    pair.rolled_back("after the database was gone")


def test_a_dns_api_that_is_busy_or_broken_is_waited_out_and_gets_its_zone_back(pair: Pair) -> None:
    with at_cloudflare(pair.office) as api:
        (zone,) = api.zones
        before = api.snapshot(zone)
        busy = [ApiFault("status", 429, method, times=2, retry_after="1") for method in ("POST", "PUT")]
        api.faults += busy
        pair.begin()
        pair.reaches(Step.ADDITIVE, done)
        assert api.snapshot(zone) != before
        broken = ApiFault("status", 503, "POST")
        api.faults.append(broken)
        pair.reaches(Step.MX, done)
        assert [fault.times for fault in (*busy, broken)] == [0, 0, 0], "every fault was met"
        pair.rolled_back("after the faults")
        assert api.snapshot(zone) == before
        pair.take_down()
        assert api.snapshot(zone) == before


def test_the_worker_killed_at_each_step_in_turn_loses_nothing(pair: Pair) -> None:
    """The last case, from no servers on: the move is completed, by as many workers as it has steps."""
    office, killed = pair.office, []
    pair.take_down()

    def killed_at(steps: Sequence[Step]) -> None:
        for step in steps:
            office.until(lambda migration, step=step: at(office, step) or ended(migration))  # type: ignore[misc]
            if office.migration.state is State.COMPLETED:
                return
            assert not ended(office.migration), (step, office.migration.failure)
            killed.append(pair.kill())

    early = KILLED_AT.index(Step.FIRST_PASS)
    with always(office.scene.folder):
        pair.begin()
        killed_at(KILLED_AT[:early])
        pair.until_done(Step.SEE_ADDITIVE)
    killed_at(KILLED_AT[early:])
    office.until(ended)
    assert office.migration.state is State.COMPLETED, office.migration.failure
    assert len(set(killed)) == len(killed) > len(KILLED_AT) - 5
    judged(office, pair.traffic, office.scene.stack_file.settings.host)
