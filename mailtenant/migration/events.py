"""What can happen to a migration. An event carries its evidence; `applied` notes what is to be remembered of it.

Which event is possible when, and what must hold, is in `transitions.py`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from mailtenant.migration.evidence import CopyReport, DnsSeen, Failure, SmokeTest, Verification, Window
from mailtenant.migration.model import Migration, SignOff


@dataclass(frozen=True)
class Event:
    """`name` is the word in the log, the diagram, the API and the CLI."""

    name: ClassVar[str]

    def applied(self, migration: Migration, now: datetime) -> Migration:
        """The migration with what this event leaves behind; its state is the table's business."""
        return migration

    def detail(self) -> dict[str, Any]:
        """What the log keeps, as plain JSON values: never a secret, never content of mail."""
        return {}

    def told(self) -> dict[str, str]:
        """What the message to the customer shows of the event itself, where it does not follow from the migration."""
        return {}


def _utc(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


@dataclass(frozen=True)
class Schedule(Event):
    """A first date, or a new one after a deferral."""

    name = "schedule"
    window: Window

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(
            migration, window=self.window, notified=None, reminded=False, until=None, reason="", records_sent=False
        )

    def detail(self) -> dict[str, Any]:
        return {
            "start": _utc(self.window.start),
            "minutes": self.window.minutes,
            "interruption": self.window.interruption,
        }


@dataclass(frozen=True)
class Reschedule(Schedule):
    """Another date; what is prepared or copied stays."""

    name = "reschedule"

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, window=self.window, notified=None, reminded=False)


@dataclass(frozen=True)
class _PutOff(Event):
    until: datetime
    reason: str

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, until=self.until, reason=self.reason, window=None, notified=None, reminded=False)

    def detail(self) -> dict[str, Any]:
        return {"until": _utc(self.until), "reason": self.reason}


@dataclass(frozen=True)
class Defer(_PutOff):
    """Not now."""

    name = "defer"


@dataclass(frozen=True)
class OptOut(_PutOff):
    """Not wanted, until a date at which we ask again."""

    name = "opt_out"


@dataclass(frozen=True)
class Resume(Event):
    """The customer wants to move after all."""

    name = "resume"

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, until=None, reason="")


@dataclass(frozen=True)
class Expire(Resume):
    """The date of a deferral or an opt-out has come."""

    name = "expire"


@dataclass(frozen=True)
class Remind(Event):
    """The window is near."""

    name = "remind"

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, reminded=True)


@dataclass(frozen=True)
class Prepare(Event):
    """Provisioning begins."""

    name = "prepare"


@dataclass(frozen=True)
class Prepared(Event):
    """The stack is up and was tested by address."""

    name = "prepared"
    smoke: SmokeTest

    def detail(self) -> dict[str, Any]:
        return {"smoke": self.smoke.passed}


@dataclass(frozen=True)
class SendRecords(Event):
    """Manual DNS: the sheet with the records to enter goes to the customer, as plain text."""

    name = "send_records"
    sheet: str

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, records_sent=True)

    def told(self) -> dict[str, str]:
        return {"sheet": self.sheet}


@dataclass(frozen=True)
class StartCopy(Event):
    """The first pass begins, the old side serving on."""

    name = "start_copy"
    dns: DnsSeen

    def detail(self) -> dict[str, Any]:
        return {"resolvers": self.dns.resolvers, "authoritative": self.dns.authoritative}


@dataclass(frozen=True)
class Freeze(Event):
    """The interruption begins. `first_pass`: what the copy did while live."""

    name = "freeze"
    first_pass: CopyReport

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, frozen_at=now)

    def detail(self) -> dict[str, Any]:
        return {"mailboxes": self.first_pass.expected, "messages": self.first_pass.messages}


@dataclass(frozen=True)
class Unfreeze(Event):
    """The old side serves again: the sides differ, or it took too long."""

    name = "unfreeze"
    reason: str

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, frozen_at=None)

    def detail(self) -> dict[str, Any]:
        return {"reason": self.reason}


@dataclass(frozen=True)
class CutOver(Event):
    """The flip. `final`: both sides compared after the last pass."""

    name = "cut_over"
    final: CopyReport

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, cut_over_at=now)

    def detail(self) -> dict[str, Any]:
        return {"mailboxes": self.final.expected, "messages": self.final.messages, "octets": self.final.octets}


@dataclass(frozen=True)
class Verify(Event):
    """MX and signing point at the new side."""

    name = "verify"
    dns: DnsSeen

    def detail(self) -> dict[str, Any]:
        return {"resolvers": self.dns.resolvers, "authoritative": self.dns.authoritative}


@dataclass(frozen=True)
class Verified(Event):
    """Every probe was green for long enough."""

    name = "verified"
    verification: Verification

    def detail(self) -> dict[str, Any]:
        return {"probes": {probe.name: probe.passed for probe in self.verification.probes}}


@dataclass(frozen=True)
class Agree(Event):
    """The customer, or support for it, signs off."""

    name = "sign_off"
    by: str

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, sign_off=SignOff(self.by, now))

    def detail(self) -> dict[str, Any]:
        return {"by": self.by}


@dataclass(frozen=True)
class Complete(Event):
    """The hold is over."""

    name = "complete"


@dataclass(frozen=True)
class Fail(Event):
    """A step cannot go on by itself. `why` and `fix` are read by the operator."""

    name = "fail"
    why: str
    fix: str

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, failure=Failure(migration.state.value, self.why, self.fix))

    def detail(self) -> dict[str, Any]:
        return {"why": self.why, "fix": self.fix}


@dataclass(frozen=True)
class Retry(Event):
    """The operator has put it right; goes on where it stopped."""

    name = "retry"

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, failure=None)


@dataclass(frozen=True)
class RollBack(Event):
    """Ordered by a person, or by a guard that gave up."""

    name = "roll_back"
    reason: str

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, reason=self.reason, failure=None)

    def detail(self) -> dict[str, Any]:
        return {"reason": self.reason}


@dataclass(frozen=True)
class FlipBack(Event):
    """Clients are sent to the shared host again. `reverse`: both sides compared after the copy back."""

    name = "flip_back"
    reverse: CopyReport

    def detail(self) -> dict[str, Any]:
        return {"mailboxes": self.reverse.expected, "messages": self.reverse.messages}


@dataclass(frozen=True)
class RestoreRecords(Event):
    """Manual DNS: the sheet with the records to put back goes to the customer, as plain text."""

    name = "restore_records"
    sheet: str

    def told(self) -> dict[str, str]:
        return {"sheet": self.sheet}


@dataclass(frozen=True)
class RolledBack(Event):
    """Everything that was done is undone."""

    name = "rolled_back"

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return replace(migration, frozen_at=None, cut_over_at=None, sign_off=None)


@dataclass(frozen=True)
class Request(Event):
    """Once more, from the start."""

    name = "request"

    def applied(self, migration: Migration, now: datetime) -> Migration:
        return Migration(
            attempt=migration.attempt + 1,
            label=migration.label,
            manual_dns=migration.manual_dns,
            checklist=migration.checklist,
        )
