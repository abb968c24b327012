"""A whole move on real servers with mail flowing: ledger, killed worker, a rollback after mail came to the new side.

Provisioning is real in each.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailtenant.migration import Migration, Side, State, events
from tests.world.migration.moves import ended, scene, settled, surroundings
from world.layout import SHARED_NAME
from world.moving.__main__ import traffic_of
from world.moving.office import Office

WHOLE = os.environ.get("MAILTENANT_MATRIX") == "whole"
pytestmark = pytest.mark.timeout(3000)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """The surroundings; nothing is made yet of the customer's own system."""
    with surroundings(scene(tmp_path, "moving-test", 86, "removal", "remainer")) as made:
        yield made


def interruption(office: Office) -> float:
    """Minutes from the freeze to the flip."""
    from mailtenant.control import customers, migrations

    with office.plane.database.read() as session:
        history = migrations.history(session, customers.find(session, office.scene.label).id)
    at = {event.event: event.at for event in history}
    return (at["cut_over"] - at["freeze"]).total_seconds() / 60


def kill_when(office: Office, reached: Callable[[Migration], bool]) -> None:
    office.until(lambda migration: reached(migration) or ended(migration))
    office.workers[-1].kill()
    office.workers[-1].wait(30)
    office.start_worker()


def test_no_mail_is_lost_though_the_worker_is_killed_twice(office: Office) -> None:
    traffic = traffic_of(office)
    traffic.start()
    office.start_worker()
    office.schedule()
    kill_when(office, lambda migration: migration.state is State.COPYING)
    kill_when(office, lambda migration: migration.state is State.CUT_OVER)
    office.until(ended)
    traffic.stop()
    assert office.migration.state is State.COMPLETED, office.migration.failure
    assert office.serving().host != SHARED_NAME
    assert office.userinfo_problems() == []
    assert len(office.api.seen) == 2, "userinfo was read on both sides of the cut-over"
    assert settled(office, traffic) == []
    assert traffic.neighbours.refused == []
    assert interruption(office) <= 30
    assert set(traffic.ledger.by_kind) >= {"outside", "within", "filed", "neighbour"}


@pytest.mark.skipif(not WHOLE, reason="make test-migration")
def test_a_rollback_after_the_cut_over_brings_back_what_arrived(office: Office) -> None:
    traffic = traffic_of(office)
    traffic.start()
    office.start_worker()
    office.schedule()
    office.until(lambda migration: migration.state in (State.VERIFYING, State.FAILED))
    before = len(traffic.ledger.accepted)
    office.until(lambda _: len(traffic.ledger.accepted) > before + 4)
    office.order(events.RollBack("their scanner cannot log in"))
    office.until(ended)
    traffic.stop()
    assert office.migration.state is State.ROLLED_BACK, office.migration.failure
    assert office.migration.serving is Side.SHARED
    assert office.serving().host == SHARED_NAME
    assert office.userinfo_problems() == []
    assert len(office.api.seen) == 2, "userinfo was read on both sides of the cut-over"
    assert settled(office, traffic) == []
    assert traffic.neighbours.refused == []
