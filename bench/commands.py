"""Runs the tools (pulumi, mailtenant, docker) and shows what they said when they fail."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from bench.results import BenchError

T = TypeVar("T")


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path, *, seconds: float = 900) -> str:
    """Standard output. Raises: BenchError with the last lines of what it said."""
    try:
        done = subprocess.run(
            command, env=dict(environment), cwd=folder, text=True, capture_output=True, check=False, timeout=seconds
        )
    except FileNotFoundError:
        raise BenchError(f"{command[0]} was not found; run `make setup`") from None
    except subprocess.TimeoutExpired:
        raise BenchError(f"{' '.join(command[:4])}: no end after {seconds:.0f} s") from None
    if done.returncode:
        raise BenchError(f"{' '.join(command[:4])} exited {done.returncode}: {_reasons(done.stdout + done.stderr)}")
    return done.stdout


def _reasons(said: str) -> str:
    """What Pulumi lists as diagnostics, else the last lines."""
    lines = [line.strip() for line in said.partition("Diagnostics:")[2].splitlines() if line.strip()]
    return " | ".join(lines[:12] or [line.strip() for line in said.splitlines() if line.strip()][-6:])


def timed(action: Callable[[], object]) -> float:
    """Seconds that the action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def eventually(probe: Callable[[], T], what: str, *, seconds: float = 60, pause: float = 0.05) -> T:
    """Polls until the probe does not raise an OSError and gives something true. Raises: BenchError at the deadline."""
    deadline, last = time.monotonic() + seconds, "nothing yet"
    while time.monotonic() < deadline:
        try:
            if answer := probe():
                return answer
        except OSError as error:
            last = str(error)
        time.sleep(pause)
    raise BenchError(f"waited {seconds:.0f} s for {what}; last: {last}")
