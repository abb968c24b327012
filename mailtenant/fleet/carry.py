"""One tenant's part in a rollout, as steps that can each be repeated: edit, up, probe, and the way back.

Knows no DBOS and no Pulumi: what it acts with comes in (`Means`), so that every crash and failure can be played.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mailtenant.fleet.journal import Journal, RunView


class Locked(Exception):
    """The stack is held by another run. `ends_by_itself`: by one that is alive, so it is worth to wait."""

    def __init__(self, why: str, *, ends_by_itself: bool) -> None:
        super().__init__(why)
        self.ends_by_itself = ends_by_itself


class StepFailed(Exception):
    """The tenant's step failed: why, for a person."""


class Means(Protocol):
    """How a tenant is acted upon."""

    def set_release(self, label: str, release: str) -> None:
        """Idempotent edit of the stack file. Raises: StepFailed"""

    def up(self, label: str) -> Mapping[str, int]:
        """Operation → resources. Raises: Locked, StepFailed"""

    def unwell(self, label: str) -> str:
        """Why the tenant is not well; empty: it is."""

    def fingerprint(self, label: str) -> str:
        """Of the stack file, whatever its release. Raises: StepFailed"""


@dataclass(frozen=True)
class Patience:
    """How long to wait for another run of the same stack, and how."""

    seconds: float = 900.0
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic


def edit(journal: Journal, means: Means, rollout: int, run: RunView, release: str | None) -> str:
    """Sets the release; why it failed, else empty."""
    journal.step(rollout, run.label, "edit")
    try:
        if means.fingerprint(run.label) != run.inputs:
            return "its stack file is not the one that was planned: halt and end this rollout, and plan anew"
        if release is not None:
            means.set_release(run.label, release)
    except StepFailed as error:
        return str(error)
    return ""


def bring_up(
    journal: Journal, means: Means, rollout: int, run: RunView, patience: Patience, step: str = "up"
) -> tuple[str, dict[str, int]]:
    """`up`, after any other run of the stack that is alive. (Why it failed, else empty; what it changed)."""
    journal.step(rollout, run.label, step)
    deadline = patience.now() + patience.seconds
    while True:
        try:
            return "", dict(means.up(run.label))
        except Locked as error:
            if not error.ends_by_itself or patience.now() > deadline:
                return str(error), {}
            patience.pause(2.0)
        except StepFailed as error:
            return str(error), {}


def probe(journal: Journal, means: Means, rollout: int, run: RunView) -> str:
    """Why the tenant is not well, else empty."""
    journal.step(rollout, run.label, "probe")
    return means.unwell(run.label)


def revert(journal: Journal, means: Means, rollout: int, run: RunView, why: str, patience: Patience) -> tuple[str, str]:
    """Back to the release before: (end state, what to tell)."""
    journal.step(rollout, run.label, "revert", why)
    try:
        means.set_release(run.label, run.before)
    except StepFailed as error:
        return "failed", f"{why}; its stack file could not be put back to {run.before}: {error}"
    failed, _ = bring_up(journal, means, rollout, run, patience, step="revert")
    if failed:
        return "failed", f"{why}; going back to {run.before} failed as well: {failed}"
    return "reverted", f"{why}; it is back on {run.before}"
