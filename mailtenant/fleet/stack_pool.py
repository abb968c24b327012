"""Long-lived processes that run stacks, one stack at a time each: Python and the SDKs are loaded once a process.

They end with the process that made them: a watchdog in each looks for its parent. The Pulumi CLI that runs for one of
them then loses its program, stops, and gives back the stack's lock by itself.
"""

import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any, Self

Tell = Callable[[str, str], None]


@dataclass(frozen=True)
class Run:
    """One `up` or preview. `calls`: (provider, secret) → API calls to wait for at the provider's limit."""

    label: str
    preview: bool = False
    refresh: bool = False
    exports: Mapping[str, Any] = field(default_factory=dict)
    calls: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Ran:
    """`counts`: operation → resources. `error`: why it failed, else empty; `locked`: by another run, and
    `ends_by_itself`: by one that is alive."""

    counts: Mapping[str, int]
    error: str = ""
    locked: bool = False
    ends_by_itself: bool = False


class StackPool:
    """`with StackPool(project, 4) as pool: pool.run(Run("acme"))`, from as many threads as there are processes.

    `limits_url`: the database that counts calls to DNS providers; None: they are not counted.
    """

    def __init__(
        self, project: Path, size: int, *, limits_url: str | None = None, tell: Tell = lambda *_: None
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._said: SimpleQueue[tuple[str, str] | None] = self._context.SimpleQueue()
        self._given = (str(project), limits_url, os.getpid(), self._said)
        self._size, self._tell = size, tell
        self._lock = threading.Lock()
        self._pool = self._new()

    def __enter__(self) -> Self:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._said.put(None)
        self._reader.join()

    def run(self, run: Run) -> Ran:
        """Runs it in a free process. A process that dies is an error of the runs that it and its siblings had."""
        pool = self._pool
        try:
            return pool.submit(_run, run).result()
        except BrokenProcessPool:
            with self._lock:
                if self._pool is pool:
                    self._pool = self._new()
            return Ran({}, "a process that runs stacks died (memory?); what it changed is in the state: try again")

    def peak_memory_mib(self) -> float:
        """The most that one of the processes has held: resident, in MiB."""
        return self._pool.submit(_peak_memory_mib).result()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._size, mp_context=self._context, initializer=_prepare, initargs=self._given)

    def _read(self) -> None:
        while (said := self._said.get()) is not None:
            self._tell(*said)


# -- in the processes --------------------------------------------------------------------------------------------------

_runner: Any = None
_limits: Any = None
_tell: Tell = lambda *_: None  # noqa: E731


def _prepare(project: str, limits_url: str | None, parent: int, said: "SimpleQueue[tuple[str, str] | None]") -> None:
    global _runner, _limits, _tell
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    from mailtenant.control.database import Database
    from mailtenant.fleet.automation import StackRunner, prepare_process
    from mailtenant.fleet.provider_limits import ProviderLimits, SharedWindow

    prepare_process()
    _runner = StackRunner(Path(project))
    _limits = ProviderLimits(SharedWindow(Database(limits_url))) if limits_url else None
    _tell = lambda label, line: said.put((label, line))  # noqa: E731


def _peak_memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _run(run: Run) -> Ran:
    from mailtenant.fleet.automation import RunFailed, StackLocked

    def before(secrets: Mapping[str, Any]) -> None:
        if _limits is not None and run.calls:
            _tell(run.label, "waits for room at its DNS provider")
            _limits.admit(run.calls, secrets)

    def progress(line: str) -> None:
        _tell(run.label, line)

    try:
        if run.preview:
            return Ran(_runner.preview(run.label, progress=progress).counts)
        return Ran(
            _runner.up(
                run.label, exports=run.exports, before=before, refresh=run.refresh, progress=progress
            ).counts
        )  # fmt: skip
    except StackLocked as error:
        return Ran({}, str(error), locked=True, ends_by_itself=error.ends_by_itself)
    except RunFailed as error:
        return Ran({}, str(error))
