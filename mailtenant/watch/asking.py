"""One tenant: its questions asked, each apart from the others, and the alerts settled by the answers."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import docker.errors

from mailtenant.accounts.errors import AccountError
from mailtenant.control import alerts
from mailtenant.control.alerts import Kind, Problem
from mailtenant.control.errors import ControlError
from mailtenant.control.plane import ControlPlane
from mailtenant.fleet.stacks import StackError
from mailtenant.settings.errors import SettingsErrors
from mailtenant.workflow.ports import StepError

UNANSWERED: Final = (
    StepError, ControlError, StackError, AccountError, SettingsErrors, docker.errors.DockerException, OSError,
)  # fmt: skip
"""What a question may end with: a problem of its own. Anything else is a defect of ours, and goes to the log."""
_log = logging.getLogger(__name__)

Ask = Callable[[], Sequence[Problem]]
"""One question: the problems that it finds. Raises: one of `UNANSWERED`"""


@dataclass(frozen=True)
class Questions:
    """What is asked of a tenant, and facts to show beside the answers."""

    ask: Mapping[Kind, Ask]
    facts: Callable[[], Mapping[str, Any]] = dict


@dataclass(frozen=True)
class Looked:
    """What a look at one tenant found; `new` and `over` are those that were told now."""

    tenant: str
    problems: tuple[Problem, ...]
    new: tuple[Problem, ...] = ()
    over: tuple[dict[str, Any], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The keys are stable."""
        return {
            "tenant": self.tenant, "ok": not self.problems, **self.facts,
            "problems": [_shown(one) for one in self.problems], "new": [_shown(one) for one in self.new],
            "over": list(self.over),
        }  # fmt: skip


def _shown(one: Problem) -> dict[str, str]:
    page = f"{alerts.PAGE}#{one.kind.value}"
    return {"kind": one.kind.value, "subject": one.subject, "what": one.what, "fix": one.fix, "page": page}


def look(plane: ControlPlane, tenant: str, questions: Questions) -> Looked:
    """Asks everything and tells what is new or over. A question without an answer ends nothing that was on."""
    problems: list[Problem] = []
    answered = {Kind.NOT_ASKED}
    for kind, ask in questions.ask.items():
        found = _asked(tenant, kind, ask)
        problems += found
        if not any(one.kind is Kind.NOT_ASKED for one in found):
            answered.add(kind)
    with plane.database.write() as session:
        new, over = alerts.settle(plane, session, tenant, answered, problems)
        ended = tuple(alerts.as_json(row) for row in over)
    try:
        facts = questions.facts()
    except UNANSWERED:
        facts = {}  # a question says why
    return Looked(tenant, tuple(problems), tuple(new), ended, facts)


def _asked(tenant: str, kind: Kind, ask: Ask) -> Sequence[Problem]:
    """Asked once more where there is a problem: a packet that was lost is none."""
    for last in (False, True):
        try:
            found = ask()
        except UNANSWERED as error:
            found = [_no_answer(tenant, kind, str(error) or type(error).__name__)]
        except Exception as defect:
            _log.exception("%s: the question `%s` ended in a defect", tenant, kind.value)
            found = [_no_answer(tenant, kind, f"a defect of ours ({type(defect).__name__}); see the log")]
        if last or not found:
            break
    return found


def _no_answer(tenant: str, kind: Kind, why: str) -> Problem:
    what = f"`{kind.value}` of {tenant} could not be asked: {why}"
    return Problem(Kind.NOT_ASKED, what, "put right what it says; until then nobody watches this", subject=kind.value)
