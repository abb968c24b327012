"""Runs the steps of setup in lanes side by side, prints each with its time, and keeps two setups apart."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.setup.shell import Failure

_printing = threading.Lock()


@dataclass(frozen=True)
class Step:
    """One concern. `work` does nothing when its result is there; it gives a few words on what it found or did.

    `after` names steps of other lanes that must have ended well before.
    """

    name: str
    work: Callable[[], str]
    after: tuple[str, ...] = ()


def say(line: str) -> None:
    """Print one whole line, also from several lanes at once."""
    with _printing:
        print(line, flush=True)


def run_lanes(lanes: Sequence[Sequence[Step]]) -> None:
    """Run each lane in order and the lanes side by side. Raises: Failure naming every step that failed.

    A failure ends its own lane and the steps that come after it, nothing else: the rest need not be done again.
    """
    ends = {step.name: _End() for lane in lanes for step in lane}
    failures: list[str] = []

    def run_lane(steps: Sequence[Step]) -> None:
        for step in steps:
            waited = [ends[name] for name in step.after if name in ends]
            for end in waited:
                end.reached.wait()
            if not all(end.well for end in waited):
                break
            problem = _run(step)
            if problem is not None:
                failures.append(problem)
                break
            ends[step.name].well = True
            ends[step.name].reached.set()
        for step in steps:
            ends[step.name].reached.set()

    threads = [threading.Thread(target=run_lane, args=(steps,), daemon=True) for steps in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise Failure("\n".join(failures))


@dataclass
class _End:
    """Whether a step has ended, and well."""

    reached: threading.Event = field(default_factory=threading.Event)
    well: bool = False


def _run(step: Step) -> str | None:
    begun = time.monotonic()
    try:
        note = step.work()
    except Failure as failure:
        problem = f"{step.name}: {failure}"
    except Exception as surprise:  # A thread must not end silently: the other lanes' success would hide it.
        problem = f"{step.name}: {type(surprise).__name__}: {surprise}"
    else:
        say(f"setup: {step.name:<14} {time.monotonic() - begun:6.1f} s  {note}")
        return None
    say(f"setup: {step.name:<14} FAILED after {time.monotonic() - begun:.1f} s")
    return problem


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold the lock file while setup runs; a second setup waits. The kernel frees it however the process ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("setup: another setup is running; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
