"""Windows of the rate limits: the same whether counted here or by a storage of `limits`."""

import asyncio
import threading

import pytest
from limits import parse

from mailtenant.api.counting import Counting, OwnCounting, SharedCounting, counting

THREE, FIVE = parse("3/hour"), parse("5/hour")


def hits(counted: Counting, times: int, whose: str = "a", limit: str = "3/hour") -> list[int]:
    async def several() -> list[int]:
        return [await counted.hit(parse(limit), whose) for _ in range(times)]

    return asyncio.run(several())


@pytest.mark.parametrize("made", [OwnCounting, lambda: SharedCounting("memory://")])
def test_what_is_above_the_limit_waits_for_the_end_of_the_window(made: type[OwnCounting]) -> None:
    counted = made()
    *passed, first, second = hits(counted, 5)
    assert passed == [0, 0, 0]
    assert 3_500 < second <= first <= 3_600
    # Another customer and another limit have windows of their own.
    assert hits(counted, 3, "b") == [0, 0, 0]
    assert hits(counted, 5, "a", "5/hour") == [0] * 5


def test_a_window_begins_with_its_first_request_and_the_next_one_is_empty() -> None:
    now = 50.0
    counted = OwnCounting(lambda: now)
    assert hits(counted, 4) == [0, 0, 0, 3_600]
    now = 50.0 + 3_599.5
    assert hits(counted, 1) == [1]
    now = 50.0 + 3_600
    assert hits(counted, 4) == [0, 0, 0, 3_600]


def test_windows_that_have_ended_are_forgotten_and_the_others_not() -> None:
    """Everybody can make one by a wrong key from one more address."""
    now = 0.0
    counted = OwnCounting(lambda: now)
    for number in range(5_000):
        now += 1.0
        hits(counted, 1, f"address-{number}", "3/minute")
        if number == 2_000:
            assert hits(counted, 4, "key-1", "3/day")[-1]
    assert len(counted._windows) <= 1_001
    assert hits(counted, 1, "key-1", "3/day")[0] > 0


def test_counting_in_memory_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda *_: pytest.fail("a thread was started"))
    assert hits(counting("memory://"), 3) == [0, 0, 0]
