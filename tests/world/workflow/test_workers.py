"""Several real worker processes on one PostgreSQL: a dead one's migration is taken over, a stalled one is fenced, and
no step ever runs twice at once."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailtenant.migration import State
from tests.unit.workflow.ends import judged
from tests.unit.workflow.test_process import Troupe

pytestmark = pytest.mark.world


@pytest.fixture
def troupe(tmp_path: Path, database: str) -> Iterator[Troupe]:
    made = Troupe(tmp_path, database)
    yield made
    made.close()


def test_two_workers_share_the_work_and_a_killed_one_is_replaced_within_its_lease(troupe: Troupe) -> None:
    troupe.start()
    troupe.start()
    struck: list[int] = []

    def gate(process: int, name: str) -> None:
        # Kills whichever worker freezes the old side, in the middle of that operation.
        if name == "shared.freeze" and not struck:
            struck.append(process)
            for found in troupe.processes:
                if found.pid == process:
                    found.kill()

    troupe.served.gate = gate
    troupe.stage.schedule()
    troupe.until(lambda: troupe.stage.state is State.COMPLETED, "the end")
    judged(troupe.stage)
    assert struck
    after = {process for process, name in troupe.served.asked if name == "shared.relay"}
    assert after and struck[0] not in after


def test_a_worker_that_stalls_past_its_lease_is_fenced_and_does_nothing_when_it_goes_on(troupe: Troupe) -> None:
    troupe.start()
    troupe.start()
    stalled: list[int] = []

    def gate(process: int, name: str) -> None:
        if name == "shared.freeze" and not stalled:
            stalled.append(process)
            for found in troupe.processes:
                if found.pid == process:
                    found.send_signal(signal.SIGSTOP)

    troupe.served.gate = gate
    troupe.stage.schedule()
    troupe.until(lambda: troupe.stage.world.shared.mode == "relay", "the other worker has cut over")
    (one,) = stalled
    before = [name for process, name in troupe.served.asked if process == one]
    (worker,) = (found for found in troupe.processes if found.pid == one)
    worker.send_signal(signal.SIGCONT)
    # The kernel ends it before any of its own instructions run: what it was about to do is not done.
    assert worker.wait(60) == -signal.SIGALRM
    troupe.until(lambda: troupe.stage.state is State.COMPLETED, "the end")
    judged(troupe.stage)
    assert [name for process, name in troupe.served.asked if process == one] == before


def test_a_stalled_worker_without_the_timer_cannot_commit(troupe: Troupe) -> None:
    """The second fence: the database refuses what a fenced worker writes, and its lock is gone."""
    from datetime import timedelta

    from mailtenant.control.tables import Worker
    from mailtenant.workers.leases import Fenced, Lease
    from mailtenant.workers.locks import Busy, Locks, LostLock

    plane = troupe.stage.plane
    slow, quick = Lease(plane.database, length=timedelta(0)), Lease(plane.database)
    slow.begin()
    quick.begin()
    slow_locks, quick_locks = Locks(plane.database, slow.id), Locks(plane.database, quick.id)
    with pytest.raises(LostLock), slow_locks.hold(1) as held:
        held.check()
        with pytest.raises(Busy), quick_locks.hold(1):
            pass
        with plane.database.write() as session:
            session.get_one(Worker, slow.id).lease_until = plane.now()  # the played clock is in the future
            session.get_one(Worker, slow.id).lease_until -= timedelta(days=3000)
        assert slow.id in quick.fence_silent()
        with quick_locks.hold(1) as taken:
            taken.check()
        held.check()
    with pytest.raises(Fenced), plane.database.write() as session:
        slow.require_live(session)
    with pytest.raises(Fenced):
        slow.renew()
    slow_locks.close()
    quick_locks.close()
