"""One run at a time on a machine: a second one would take down the first one's tenant, and spoil its figures."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.results import BenchError


@contextmanager
def only_run(path: Path) -> Iterator[None]:
    """Holds the lock; the kernel lets go of it however the process ends. Raises: BenchError if another run holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError(f"another run is at work (it holds {path}); wait until it ends") from None
        yield
    finally:
        os.close(descriptor)
