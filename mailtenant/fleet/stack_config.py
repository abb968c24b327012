"""What only the Pulumi CLI knows of a stack: decrypted secrets, and since when a phase of its DNS is in force."""

import json
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from mailtenant.environment import tool_environment
from mailtenant.fleet.stacks import MachineLacks, StackError
from mailtenant.settings.secret_leaves import quoted_path


def read_secret(project: Path, label: str, leaf: tuple[str, ...]) -> str:
    """One secret of a stack file, decrypted.

    Raises: StackError, without the value.
    """
    path = quoted_path(leaf)
    return _pulumi(project, ["config", "get", "--path", path, "--stack", label], f"the secret {path}").strip()


def phase_since(project: Path, label: str, phase: str) -> datetime | None:
    """When the last run of `pulumi up`s in this phase began; None if the last one was in another, or there was none.

    Raises: StackError
    """
    text = _pulumi(project, ["stack", "history", "--json", "--full-dates", "--stack", label], "the stack's history")
    since = None
    for update in json.loads(text or "[]"):  # the newest first
        if update.get("kind") != "update" or update.get("result") != "succeeded":
            continue
        config = update.get("config") or {}
        if (config.get("mailtenant:dnsPhase") or {}).get("value", "settled") != phase:
            break
        since = datetime.fromisoformat(str(update["endTime"]).replace("Z", "+00:00"))
    return since


def _pulumi(project: Path, arguments: Sequence[str], what: str) -> str:
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    try:
        done = subprocess.run(
            command, cwd=project, env=tool_environment(), text=True, capture_output=True, check=False, timeout=120,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        raise MachineLacks("the Pulumi CLI was not found: run `make setup`") from None
    if done.returncode:
        said = (done.stderr.strip() or "no reason given").splitlines()[-1].removeprefix("error: ")
        raise StackError(f"{what} cannot be read: {said}")
    return done.stdout
