"""After a move: which rule does not hold, what shows it, and what to do. Pure; `mailtenant.cli.migrate_diagnose` asks.

Each rule takes what was found out and answers one `Diagnosis`, or several.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mailtenant.migration.logins import OldHostUser
from mailtenant.migration.model import Migration
from mailtenant.migration.sides import Activity
from mailtenant.migration.states import Side, State

LONG: Final = timedelta(hours=1)
"""A task that is not done after so long waits for something."""
MANY: Final = 50
"""Mails in the queue of the side that serves, from which on something holds them."""


@dataclass(frozen=True)
class Diagnosis:
    """One rule: `evidence` is what was seen, `fix` empty where it holds."""

    rule: str
    ok: bool
    evidence: str
    fix: str = ""


def move(label: str, migration: Migration) -> Diagnosis:
    """The move itself does not stand failed."""
    if migration.failure:
        failure = migration.failure
        evidence = f"failed during {failure.during}: {failure.why}"
        return Diagnosis("move", False, evidence, f"{failure.fix}; then mailtenant migrate retry {label}, or rollback")
    return Diagnosis("move", True, f"state {migration.state.value}, served by the {migration.serving.value} side")


def userinfo(label: str, serving: Side, given: tuple[str, str], shared: tuple[str, str], host: str) -> Diagnosis:
    """`given`: SMTP and IMAP host that the API answers; `shared`, `host`: those of the two sides as configured."""
    wanted = (host, host) if serving is Side.TENANT else shared
    said = f"ibx_smtp {given[0]}, ibx_imap {given[1]}"
    if given == wanted:
        return Diagnosis("userinfo", True, said)
    fix = (
        f"if MAILTENANT_PLATFORM_DOMAIN and MAILTENANT_SHARED_…_HOST are right here: mailtenant customer rehost {label}"
    )
    return Diagnosis("userinfo", False, f"{said}; the {serving.value} side is {wanted[0]}, {wanted[1]}", fix)


def run(label: str, migration: Migration, tries: int, why: str, *, worker: bool, active: bool) -> Diagnosis:
    """`worker`: a worker is alive; `active`: a workflow has something to do or to wait for."""
    if tries:
        return Diagnosis("workflow", False, f"the present step has failed {tries} times: {why}",
                         f"mailtenant migrate status {label} names the step; put right what it says")  # fmt: skip
    if active and not worker and migration.state is not State.FAILED:
        return Diagnosis("workflow", False, "no worker is alive", "start one: mailtenant migrate run")
    return Diagnosis("workflow", True, f"waits: {why}" if why else "nothing is stuck")


@dataclass(frozen=True)
class TaskSeen:
    """A customer's task, as far as it is judged."""

    id: str
    kind: str
    state: str
    message: str
    since: datetime


def tasks(label: str, seen: Iterable[TaskSeen], cut_over_at: datetime | None, now: datetime) -> list[Diagnosis]:
    """Failed since the cut-over, or not done for an hour. What waits for a person is support's to do."""
    found = []
    for one in seen:
        if one.state == "FAILED" and (cut_over_at is None or one.since >= cut_over_at):
            evidence = f"{one.kind} ({one.id}) failed: {one.message}"
            found.append(Diagnosis("tasks", False, evidence, "put right what it says, and have it asked for again"))
        elif one.state in ("PENDING", "RUNNING") and now - one.since > LONG:
            hours = (now - one.since).total_seconds() / 3600
            evidence = f"{one.kind} ({one.id}) is {one.state} for {hours:.0f} h: {one.message}"
            fix = (
                f"a person has to do it: mailtenant customer show {label}"
                if one.kind == "domain.add"
                else "see that `mailtenant serve` works without --no-work"
            )
            found.append(Diagnosis("tasks", False, evidence, fix))
    return found or [Diagnosis("tasks", True, "none has failed or waits")]


def messages(label: str, dead: Sequence[tuple[int, str, str]]) -> Diagnosis:
    """`dead`: number, kind and reason of messages to the customer that were given up."""
    if not dead:
        return Diagnosis("messages", True, "all were delivered, or are on their way")
    number, kind, why = dead[0]
    more = f" and {len(dead) - 1} more" if len(dead) > 1 else ""
    fix = f"put the address right, or mailtenant notifications retry {number}; see notifications list {label} --unsent"
    return Diagnosis("messages", False, f"{kind} ({number}) was given up: {why}{more}", fix)


def old_host(label: str, users: Sequence[OldHostUser] | None, looked: datetime | None) -> Diagnosis:
    """`users` None: nobody has looked."""
    if users is None or looked is None:
        evidence = "the old host's log was not read"
        return Diagnosis("old-host-logins", False, evidence, f"mailtenant migrate logins {label}")
    still = [one for one in users if one.still]
    if not still:
        gone = f"; {len(users)} were seen after the cut-over and have changed" if users else ""
        return Diagnosis("old-host-logins", True, f"no mailbox was seen there within a day{gone}")
    shown = "; ".join(
        f"{one.address} from {', '.join(one.clients[:2])}, last {one.last_seen:%Y-%m-%d %H:%M}" for one in still[:3]
    )
    more = f" and {len(still) - 3} more" if len(still) > 3 else ""
    guessing = "" if any(one.known for one in still) else "; none of these addresses was let in before: maybe strangers"
    return Diagnosis("old-host-logins", False, f"{len(still)} mailboxes still log in there: {shown}{more}{guessing}",
                     "have these programs fetch their host from /api/userinfo/, or enter the new one")  # fmt: skip


def queues(label: str, serving: Side, shared: Activity | None, tenant: Activity | None) -> list[Diagnosis]:
    """None: that side was not asked, or did not answer; then another rule says so."""
    found = []
    for side, name, activity in ((Side.SHARED, "queue-old", shared), (Side.TENANT, "queue-new", tenant)):
        if activity is None:
            continue
        said = f"{activity.held} mails wait, {activity.sessions} sessions, {activity.deliveries} deliveries"
        most = MANY if side is serving else 0
        if activity.held > most:
            fix = (
                "see there what `postqueue -p` says; they must be able to reach the side that serves"
                if side is not serving
                else f"see the reasons in its queue; mailtenant check {label} asks each service"
            )
            found.append(Diagnosis(name, False, said, fix))
        elif side is not serving and activity.sessions:
            found.append(Diagnosis(name, False, said, "nobody may be logged in there: `doveadm kick` ends it"))
        else:
            found.append(Diagnosis(name, True, said))
    return found


def denied(admitted: Sequence[str] | None) -> list[Diagnosis]:
    """Logins that the side which does not serve any more would judge."""
    if admitted is None:
        return []
    if admitted:
        return [Diagnosis("old-host-closed", False, f"logins are not denied: {', '.join(admitted[:3])}",
                          "see that its Dovecot has the lines for a move (docs/decisions/0014)")]  # fmt: skip
    return [Diagnosis("old-host-closed", True, "logins there are told to come back later")]


def late(entries: Sequence[tuple[datetime, dict[str, int]]]) -> Diagnosis:
    """Mail that was filed on the side that was copied from after the last copy (audit trail `move.late_mail`)."""
    if not entries:
        return Diagnosis("late-mail", True, "none")
    at, new = entries[0]
    shown = ", ".join(f"{address} ({count})" for address, count in list(new.items())[:3])
    return Diagnosis("late-mail", True, f"brought over {at:%Y-%m-%d %H:%M}: {shown}")


def failed(rule: str, why: str, fix: str) -> Diagnosis:
    """A rule whose evidence could not be had: that is a finding, not silence."""
    return Diagnosis(rule, False, f"it could not be asked: {why}", fix)
