"""Applies one event to a migration: pure. Time and policy come in, what to store and whom to tell goes out."""

from dataclasses import dataclass, replace
from datetime import datetime

from mailtenant.migration.events import Event
from mailtenant.migration.evidence import Policy
from mailtenant.migration.model import Migration
from mailtenant.migration.states import State
from mailtenant.migration.transitions import TRANSITIONS, Notice, Transition


class Refused(ValueError):
    """The event is not possible now. `reasons` has every guard that said no, each with its fix."""

    def __init__(self, state: State, event: str, reasons: tuple[str, ...]) -> None:
        self.state, self.event, self.reasons = state, event, reasons
        super().__init__(f"`{event}` is not possible in state {state.value}: " + " | ".join(reasons))


@dataclass(frozen=True)
class Applied:
    """What an event did: the migration afterwards, and the message that goes to the customer, if one does."""

    migration: Migration
    notice: Notice | None


def apply(migration: Migration, event: Event, now: datetime, policy: Policy) -> Applied:
    """The migration after `event`.

    Raises: Refused, with all reasons at once; nothing has changed then.
    """
    lines = [line for line in TRANSITIONS if line.source is migration.state and line.event is type(event)]
    if not lines:
        possible = ", ".join(sorted(possible_events(migration.state))) or "nothing"
        raise Refused(migration.state, event.name, (f"from here leads: {possible}",))
    reasons: tuple[str, ...] = ()
    for line in lines:
        reasons = judged(line, migration, event, now, policy)
        if not reasons:
            changed = event.applied(migration, now)
            return Applied(replace(changed, state=line.target, serving=line.serves or changed.serving), line.notice)
    raise Refused(migration.state, event.name, reasons)


def judged(line: Transition, migration: Migration, event: Event, now: datetime, policy: Policy) -> tuple[str, ...]:
    """What the guards of one line of the table say against it."""
    answers = (guard.judge(migration, event, now, policy) for guard in line.guards)
    return tuple(answer for answer in answers if answer is not None)


def possible_events(state: State) -> set[str]:
    """Names of the events that the table knows for a state, whatever their guards say."""
    return {line.event.name for line in TRANSITIONS if line.source is state}
