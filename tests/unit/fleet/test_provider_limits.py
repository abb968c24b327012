"""Rate limits of DNS providers, shared through the journal's database."""

from pathlib import Path

import pytest
from limits import RateLimitItemPerMinute

from mailtenant.control.database import Database
from mailtenant.fleet.provider_limits import LIMITS, ProviderLimits, SharedWindow


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(f"sqlite:///{tmp_path / 'fleet.db'}")
    made.upgrade()
    return made


def test_two_workers_share_one_window(database: Database) -> None:
    clock = Clock()
    first, second = (SharedWindow(database, clock) for _ in range(2))
    item = RateLimitItemPerMinute(10)
    assert first.take(item, "token", 6)
    assert not second.take(item, "token", 6)
    assert second.take(item, "token", 4)
    assert second.take(item, "another token", 6)
    clock.now += 61
    assert second.take(item, "token", 10)


def test_no_minute_ever_holds_more_than_the_limit(database: Database) -> None:
    """A fixed window would let twice as much through around its border."""
    clock, taken = Clock(), []
    limits = ProviderLimits(SharedWindow(database, clock), clock.pause)
    for _ in range(12):
        limits.admit({("godaddy", "godaddyKey"): 20}, {"godaddyKey": "k"})
        taken.append(clock.now)
    for moment in taken:
        assert 20 * sum(moment <= other < moment + 60 for other in taken) <= LIMITS["godaddy"].amount


def test_different_tokens_do_not_wait_for_each_other(database: Database) -> None:
    clock = Clock()
    limits = ProviderLimits(SharedWindow(database, clock), clock.pause)
    wanted = {("godaddy", "godaddyKey"): 60}
    assert limits.admit(wanted, {"godaddyKey": "one"}) == 0
    assert limits.admit(wanted, {"godaddyKey": "two"}) == 0
    assert limits.admit(wanted, {"godaddyKey": "one"}) > 50


def test_more_than_a_window_takes_a_whole_one_instead_of_waiting_for_ever(database: Database) -> None:
    limits = ProviderLimits(SharedWindow(database, Clock()))
    assert limits.admit({("godaddy", "godaddyKey"): 500}, {"godaddyKey": "k"}) == 0


def test_no_token_is_written(database: Database, tmp_path: Path) -> None:
    ProviderLimits(SharedWindow(database)).admit({("godaddy", "godaddyKey"): 2}, {"godaddyKey": "very-secret-token"})
    database.close()
    assert all(b"very-secret-token" not in path.read_bytes() for path in tmp_path.iterdir())
