"""Requests that wait together share one query; none gets an answer from before it came, or loses it to another."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from mailtenant.api.directory import Caller, Directory
from mailtenant.control.plane import ControlPlane


class Held(Directory):
    """Its queries wait until they are let go; what they answer is their number."""

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane.database)
        self.queries: list[list[str]] = []
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)
        self.error: Exception | None = None

    def _read(self, digests: list[str]) -> dict[str, Caller]:
        self.queries.append(sorted(digests))
        number = len(self.queries)
        self.begun.release()
        assert self.go.acquire(timeout=60)
        if self.error:
            raise self.error
        return {one: Caller(number, 1, one, True, "s", "i", "requested", "shared") for one in digests if one != "none"}

    async def at_query(self) -> None:
        assert await asyncio.to_thread(self.begun.acquire, timeout=60)


@pytest.fixture
def held(plane: ControlPlane) -> Iterator[Held]:
    made = Held(plane)
    yield made
    made.go.release(100)
    made.close()


def test_whoever_comes_while_a_query_runs_waits_for_the_next_one(held: Held) -> None:
    """The running one may have looked before a key was revoked or a customer cut over."""

    async def story() -> None:
        first = asyncio.create_task(held.find("a"))
        await held.at_query()
        later = [asyncio.create_task(held.find(digest)) for digest in ("a", "b", "a", "none")]
        held.go.release()
        assert (await first).key_id == 1  # type: ignore[union-attr]
        await held.at_query()
        held.go.release()
        answers = await asyncio.gather(*later)
        assert [answer and (answer.key_id, answer.label) for answer in answers] == [(2, "a"), (2, "b"), (2, "a"), None]

    asyncio.run(story())
    assert held.queries == [["a"], ["a", "b", "none"]]


@pytest.mark.parametrize("fails", [False, True])
def test_a_request_that_is_given_up_takes_nothing_from_the_others(held: Held, fails: bool) -> None:
    async def story() -> list[Caller | BaseException | None]:
        tasks = [asyncio.create_task(held.find("a")) for _ in range(3)]
        await held.at_query()
        tasks[0].cancel()
        held.error = OSError("away") if fails else None
        held.go.release()
        return await asyncio.gather(*tasks, return_exceptions=True)

    given_up, *others = asyncio.run(story())
    assert isinstance(given_up, asyncio.CancelledError)
    kind = OSError if fails else Caller
    assert [type(other) for other in others] == [kind, kind]


def test_after_an_error_the_next_request_is_answered(held: Held) -> None:
    async def story() -> Caller | None:
        held.error = OSError("away")
        held.go.release(2)
        with pytest.raises(OSError, match="away"):
            await held.find("a")
        held.error = None
        return await held.find("a")

    assert asyncio.run(story())
