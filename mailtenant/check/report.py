"""What a check found, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """`skipped`: not tried, because a step that it needs failed, or because nobody asked for it."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class StepResult:
    """One step. `detail` is what was seen, or why it was skipped; `cause` and `fix` are there when it failed."""

    name: str
    title: str
    status: Status
    seconds: float
    detail: str = ""
    cause: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Report:
    """`address` is where the check connected; `host` is whom the certificate has to name."""

    label: str
    host: str
    address: str
    mailbox: str
    steps: tuple[StepResult, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing failed and something passed."""
        statuses = [step.status for step in self.steps]
        return Status.FAILED not in statuses and Status.PASSED in statuses

    def as_json(self) -> dict[str, object]:
        """For programs; the keys are stable."""
        return {
            "label": self.label,
            "ok": self.ok,
            "host": self.host,
            "address": self.address,
            "mailbox": self.mailbox,
            "seconds": round(self.seconds, 3),
            "steps": [_step_json(step) for step in self.steps],
        }


def _step_json(step: StepResult) -> dict[str, object]:
    return {
        "name": step.name,
        "title": step.title,
        "status": step.status.value,
        "seconds": round(step.seconds, 3),
        "detail": step.detail,
        "cause": step.cause,
        "fix": step.fix,
    }


def count(steps: Sequence[StepResult], status: Status) -> int:
    """How many steps ended so."""
    return sum(step.status is status for step in steps)
