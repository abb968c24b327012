"""Whose lock is on a stack: somebody's run that goes on, or what a dead one left. Told apart, never taken by force.

A self-managed backend holds a lock file a run; the CLI names its owner: `created by user@host (pid 42) at <time>`.
"""

import os
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LOCKED: Final = ("is currently locked by", "[409] Conflict: Another update is currently in progress")
"""A self-managed backend's words and Pulumi Cloud's, as the SDK knows them (pulumi.automation.errors)."""
_OWNER: Final = re.compile(r"(?P<file>\S+): created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")


@dataclass(frozen=True)
class BackendLock:
    """One lock on a stack. `alive`: whether its process runs; None on another machine, where we cannot look."""

    file: str
    user: str
    host: str
    pid: int
    at: str
    alive: bool | None

    def __str__(self) -> str:
        return f"{self.user}@{self.host} (process {self.pid}) since {self.at}"


def is_locked(output: str) -> bool:
    """Whether the CLI refused because of a lock."""
    return any(sign in output for sign in _LOCKED)


def read_locks(
    output: str, here: str | None = None, runs: Callable[[int], bool] | None = None
) -> tuple[BackendLock, ...]:
    """The locks that a refusal of the CLI names. `here` is this machine's name; `runs` tells whether a process is a
    running Pulumi."""
    host, probe = here or socket.gethostname(), runs or pulumi_runs
    return tuple(
        BackendLock(
            m["file"], m["user"], m["host"], int(m["pid"]), m["at"],
            probe(int(m["pid"])) if m["host"] == host else None,
        )
        for m in _OWNER.finditer(output)
    )  # fmt: skip


def pulumi_runs(pid: int) -> bool:
    """Whether that process is there and is a Pulumi: a number can have been given away anew."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        return "pulumi" in Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        # No /proc (macOS): the number is in use, which is all that can be known.
        return not Path("/proc/self").exists()


def explain(label: str, locks: Sequence[BackendLock]) -> str:
    """One line: who holds it, what that means, and the exact command that clears a stale one."""
    clear = f"`pulumi cancel --stack {label} --yes`"
    if not locks:
        return f"the stack {label} is locked, by whom its backend does not say; once nothing runs there: {clear}"
    lock = locks[0]
    if lock.alive:
        return f"the stack {label} is locked by {lock}, which runs: another `up` goes on; wait for its end"
    if lock.alive is False:
        return f"the stack {label} is locked by {lock}, which no longer lives: the lock is stale; clear it: {clear}"
    return f"the stack {label} is locked by {lock}; look there whether it still runs, and only if not: {clear}"
