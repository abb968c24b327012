"""After a restart of the engine: start what it could not start by itself.

The engine starts all containers at once, in no order. One that joins the network namespace of another fails for good if
it comes first ("cannot join network of a non running container"); its restart policy does not try again. Standard
library only: setup runs this before anything is installed.
"""

import json
import subprocess
import time
from collections.abc import Mapping

_TENANT = "mailtenant.tenant"
_FAULT = "cannot join network"
_SECONDS = 60


class RecoveryError(RuntimeError):
    """A container that should run and cannot be started; the engine's own words."""


class EngineSilent(RecoveryError):
    """The engine does not even list its containers."""


def recover(environment: Mapping[str, str], label: str | None = None) -> list[str]:
    """Starts the containers of one tenant (or all) that failed to join another one's namespace; gives their names.

    Containers that somebody stopped stay stopped: only those with that very fault are started.

    Raises: RecoveryError
    """
    wanted = f"label={_TENANT}" + (f"={label}" if label else "")
    deadline = time.monotonic() + _SECONDS
    started: list[str] = []
    while failed := _failed(environment, wanted):
        complaints = []
        for name in failed:
            done = _docker(environment, "start", name)
            if done.returncode == 0:
                started.append(name)
            else:
                complaints.append(f"{name}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
        if complaints and time.monotonic() > deadline:
            raise RecoveryError("; ".join(complaints))
        if complaints:
            time.sleep(1)
    return started


def _failed(environment: Mapping[str, str], wanted: str) -> list[str]:
    listed = _docker(environment, "ps", "--all", "--quiet", "--filter", wanted, "--filter", "status=exited")
    if listed.returncode:
        raise EngineSilent((listed.stderr.strip().splitlines() or ["the engine does not answer"])[-1])
    identities = listed.stdout.split()
    if not identities:
        return []
    found = json.loads(_docker(environment, "inspect", *identities).stdout or "[]")
    return sorted(one["Name"].lstrip("/") for one in found if _FAULT in one["State"].get("Error", ""))


def _docker(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], env=dict(environment), capture_output=True, text=True, check=False, timeout=120
    )
