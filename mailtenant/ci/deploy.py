"""Deployment by saved plans: what was reviewed is what is done, or nothing is.

Pulumi refuses an `up --plan` whose steps differ from the plan. The canary's tenants come first, in a job of their own;
within a job the first failure ends it, and says who was not reached.
"""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mailtenant.ci.previews import SECONDS

Outcome = Literal["done", "failed", "not reached", "no plan"]


@dataclass(frozen=True)
class Deployed:
    """What became of one tenant."""

    label: str
    outcome: Outcome
    reason: str = ""


def deploy(
    labels: Sequence[str],
    project: Path,
    plans: Path,
    environment: Mapping[str, str],
    say: Callable[[str], None] = lambda _: None,
) -> list[Deployed]:
    """One after the other. A new tenant has no plan: its stack is made by a person, who knows its passphrase."""
    answers: list[Deployed] = []
    failed = False
    for label in labels:
        plan = plans / f"{label}.json"
        if failed:
            answers.append(Deployed(label, "not reached"))
        elif not plan.is_file():
            answers.append(Deployed(label, "no plan", f"bring it up by hand: pulumi stack init {label}, pulumi up"))
        else:
            say(f"{label}: pulumi up by its plan")
            answers.append(_up(label, project, plan, environment))
            failed = answers[-1].outcome == "failed"
    return answers


def _up(label: str, project: Path, plan: Path, environment: Mapping[str, str]) -> Deployed:
    program = shutil.which("pulumi", path=environment.get("PATH")) or "pulumi"
    command = [program, "up", "--stack", label, "--plan", str(plan.resolve()), "--yes", "--skip-preview"]
    command += ["--suppress-outputs", "--non-interactive", "--color", "never"]
    try:
        done = subprocess.run(
            command,
            cwd=project,
            env=dict(environment),
            text=True,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=2 * SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Deployed(label, "failed", f"no end after {2 * SECONDS} s; look at its stack before anything else")
    if done.returncode == 0:
        return Deployed(label, "done")
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if "error:" in line]
    return Deployed(label, "failed", (lines or ["no reason given"])[0].removeprefix("error: ")[:400])
