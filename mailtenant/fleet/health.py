"""Whether a tenant is well after its `up`: its containers by the engine's word, then logins and a mail to itself.

The same steps as `mailtenant check`, without the one that needs a server outside: a rollout must not stop because
somebody else's mail server is slow.
"""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from mailtenant.accounts.errors import AccountError
from mailtenant.check import Status, run_check
from mailtenant.check.place import Place
from mailtenant.check.probe import throw_away_mailbox
from mailtenant.check.state import Check
from mailtenant.fleet.leftovers import TENANT_LABEL, engine_client
from mailtenant.settings import TenantSettings

WAIT: Final = 180.0
_STEP: Final = 60.0


def unwell(settings: TenantSettings, progress: Callable[[str], None] = lambda _: None, *, wait: float = WAIT) -> str:
    """Why the tenant is not well, in one line; empty: it is."""
    client = engine_client(settings.platform)
    try:
        if waiting := _never_healthy(client, settings.label, wait, progress):
            return f"not healthy: {', '.join(waiting)}"
    finally:
        client.close()
    return _failed_steps(settings, progress)


def _never_healthy(client: Any, label: str, wait: float, progress: Callable[[str], None]) -> list[str]:
    """Names of the containers that the engine does not call healthy in time. Carriers of files never run.

    A paused one is not waited for: nobody but a person ends a pause.
    """
    deadline = time.monotonic() + wait
    while True:
        waiting, paused = [], []
        for one in client.api.containers(filters={"label": f"{TENANT_LABEL}={label}"}):
            name, status = str(one["Names"][0]).lstrip("/"), str(one.get("Status", ""))
            if one.get("State") == "paused":
                paused.append(f"{name} (paused)")
            elif "(health: starting)" in status or "(unhealthy)" in status or one.get("State") == "restarting":
                waiting.append(name)
        if paused or not waiting or time.monotonic() > deadline:
            return sorted(paused + waiting)
        progress(f"waits for {', '.join(sorted(waiting))}")
        time.sleep(1)


def _failed_steps(settings: TenantSettings, progress: Callable[[str], None]) -> str:
    token = secrets.token_hex(6)
    try:
        with throw_away_mailbox(settings, token) as login:
            report = run_check(
                Check(
                    place=Place.of(settings, _STEP), login=login, echo=None, timeout=_STEP,
                    token=f"{token}{secrets.token_hex(6)}", now=lambda: datetime.now(UTC),
                ),
                progress,
            )  # fmt: skip
    except AccountError as error:
        return str(error)
    failed = [step for step in report.steps if step.status is Status.FAILED]
    return "; ".join(f"{step.title}: {step.cause}" for step in failed) or ("" if report.ok else "nothing was checked")
