"""Which step is next: a pure function of the migration, of what its run has done, and of the time.

The order in which it names steps is the written order of docs/migration.md; a test compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from mailtenant.migration import Migration, Policy, Side, State
from mailtenant.workflow.settings import WorkflowSettings


class Step(StrEnum):
    """A step of a run; `STEPS` says what each does and what undoes it."""

    BEGIN = "begin"
    PREFLIGHT = "preflight"
    PROVISION = "provision"
    ACCOUNTS = "accounts"
    SMOKE = "smoke"
    CLOSE_TENANT = "close_tenant"
    ADDITIVE = "additive"
    SHEET = "sheet"
    SEE_ADDITIVE = "see_additive"
    FIRST_PASS = "first_pass"  # noqa: S105 - a pass over mailboxes
    CATCH_UP = "catch_up"
    FREEZE = "freeze"
    FINAL = "final"
    UNFREEZE = "unfreeze"
    OPEN_TENANT = "open_tenant"
    RELAY = "relay"
    LATE = "late"
    MX = "mx"
    SEE_MX = "see_mx"
    VERIFY = "verify"
    SETTLE = "settle"
    COMPLETE = "complete"
    BACK_OPEN_SHARED = "back_open_shared"
    BACK_CLOSE_TENANT = "back_close_tenant"
    BACK_COPY = "back_copy"
    BACK_RELAY = "back_relay"
    BACK_LATE = "back_late"
    BACK_MX = "back_mx"
    BACK_SHEET = "back_sheet"
    BACK_SEE_MX = "back_see_mx"
    BACK_DRAIN = "back_drain"
    BACK_RECORDS = "back_records"
    BACK_SERVERS = "back_servers"
    BACK_DONE = "back_done"


STEPS: Mapping[Step, tuple[str, str]] = {
    Step.BEGIN: ("the announced date is near: preparation begins", ""),
    Step.PREFLIGHT: ("settings, sizes, password schemes and records are checked", ""),
    Step.PROVISION: ("`pulumi up`: the customer's own servers, DNS as it is", "servers removed"),
    Step.ACCOUNTS: ("mailboxes and aliases are made on the new side, hashes as they are", ""),
    Step.SMOKE: ("the new servers are tested by address", ""),
    Step.CLOSE_TENANT: ("the new side takes neither mail nor logins until the cut-over", ""),
    Step.ADDITIVE: ("DNS: new DKIM key and SPF terms beside the old, low TTLs", "additions taken back"),
    Step.SHEET: ("the sheet with records to enter by hand goes to the customer", ""),
    Step.SEE_ADDITIVE: ("all servers show the records, and the old TTL is over", ""),
    Step.FIRST_PASS: ("mail is copied while the old side serves", ""),
    Step.CATCH_UP: ("the window is open: what has changed since is copied, the old side still serving", ""),
    Step.FREEZE: ("the old side holds mail, ends sessions, is quiet, and proves that it denies logins",
                  "the old side opens, held mail is delivered"),
    Step.FINAL: ("the last changes are copied, both sides are equal, userinfo turns to the new host",
                 "mail that arrived is copied back, userinfo turns back"),
    Step.UNFREEZE: ("the old side opens again, held mail is delivered there", ""),
    Step.OPEN_TENANT: ("the new side takes mail and logins", "the new side is closed"),
    Step.RELAY: ("the old side sends on what it held and what still comes", "the new side sends on to the old one"),
    Step.LATE: ("what the old side got after the last copy, if anything, is brought over", ""),
    Step.MX: ("DNS: MX to the tenant host", "MX back to the shared host"),
    Step.SEE_MX: ("all servers show the new MX, and the old one is forgotten", ""),
    Step.VERIFY: ("login, send, receive, SPF, DKIM, DMARC: green for long enough", ""),
    Step.SETTLE: ("DNS: the old terms go, TTLs as before", ""),
    Step.COMPLETE: ("the hold is over", ""),
    Step.BACK_OPEN_SHARED: ("the old side opens; held mail is delivered there", ""),
    Step.BACK_CLOSE_TENANT: ("the new side holds mail, ends sessions, is quiet, and proves that it denies logins", ""),
    Step.BACK_COPY: ("what arrived on the new side is copied back, both sides are equal, userinfo turns back", ""),
    Step.BACK_RELAY: ("the new side sends on what it held and what still comes", ""),
    Step.BACK_LATE: ("what the new side got after the copy back, if anything, is brought over", ""),
    Step.BACK_MX: ("DNS: MX to the shared host again", ""),
    Step.BACK_SHEET: ("the sheet with records to put back by hand goes to the customer", ""),
    Step.BACK_SEE_MX: ("all servers show it, and the tenant host is forgotten", ""),
    Step.BACK_DRAIN: ("the new side's queue is empty", ""),
    Step.BACK_RECORDS: ("DNS: as it was before", ""),
    Step.BACK_SERVERS: ("the new servers are removed, or left, as the policy says", ""),
    Step.BACK_DONE: ("back on the shared host", ""),
}  # fmt: skip
"""Each step in the written order: what it does, what undoes it (empty: nothing to undo)."""

PREPARING = (Step.PREFLIGHT, Step.PROVISION, Step.ACCOUNTS, Step.SMOKE)
CUT_OVER = (Step.OPEN_TENANT, Step.RELAY, Step.LATE, Step.MX, Step.SEE_MX)
BACK_FROM_TENANT = (Step.BACK_CLOSE_TENANT, Step.BACK_COPY)
BACK_ON_SHARED = (
    Step.BACK_OPEN_SHARED, Step.BACK_RELAY, Step.BACK_LATE, Step.BACK_MX, Step.BACK_SHEET, Step.BACK_SEE_MX,
    Step.BACK_DRAIN, Step.BACK_RECORDS, Step.BACK_SERVERS, Step.BACK_DONE,
)  # fmt: skip


@dataclass(frozen=True)
class Marks:
    """What a run remembers. `begun`: steps whose effect may be there; `done`: step → what it found (JSON)."""

    begun: Mapping[str, Any] = field(default_factory=dict)
    done: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Do:
    """Carry out this step now."""

    step: Step


@dataclass(frozen=True)
class Wait:
    """Nothing to do before `until`, or before the next event; None: only an event helps."""

    until: datetime | None
    why: str


@dataclass(frozen=True)
class End:
    """This run is over."""

    why: str


Next = Do | Wait | End


def decide(migration: Migration, marks: Marks, now: datetime, policy: Policy, settings: WorkflowSettings) -> Next:
    """The next step, or what is waited for."""
    match migration.state:
        case State.SCHEDULED:
            return _scheduled(migration, now, settings)
        case State.PREPARING:
            return _first_open(PREPARING, marks)
        case State.PREPARED:
            return _prepared(migration, marks)
        case State.COPYING:
            return _copying(migration, marks, now)
        case State.FROZEN:
            return _frozen(migration, marks, now)
        case State.CUT_OVER:
            return _first_open(CUT_OVER, marks)
        case State.VERIFYING:
            return Do(Step.VERIFY)
        case State.HOLDING:
            return _holding(migration, marks, now, policy)
        case State.ROLLING_BACK:
            return _back(migration, marks)
        case State.FAILED:
            return Wait(None, "a person must look at the reason, then retry or roll back")
        case _:
            return End(f"the migration is {migration.state.value}")


def freeze_ends(migration: Migration) -> datetime | None:
    """When the old side must be open again, or the cut-over done."""
    if migration.frozen_at is None or migration.window is None:
        return None
    return migration.frozen_at + timedelta(minutes=migration.window.interruption)


def _scheduled(migration: Migration, now: datetime, settings: WorkflowSettings) -> Next:
    if migration.window is None:
        return Wait(None, "no window is fixed; schedule one")
    if migration.notified is None:
        return Wait(now + timedelta(seconds=settings.look), "the announcement of the date is on its way")
    begin = migration.window.start - timedelta(days=settings.prepare_days)
    return Do(Step.BEGIN) if now >= begin else Wait(begin, "preparation begins then")


def _prepared(migration: Migration, marks: Marks) -> Next:
    steps = [Step.CLOSE_TENANT, Step.ADDITIVE]
    if migration.manual_dns and not migration.records_sent:
        steps.append(Step.SHEET)
    return _first_open((*steps, Step.SEE_ADDITIVE), marks)


def _copying(migration: Migration, marks: Marks, now: datetime) -> Next:
    if Step.FIRST_PASS not in marks.done:
        return Do(Step.FIRST_PASS)
    window = migration.window
    if window is None:
        return Wait(None, "no window is fixed; schedule one")
    if now < window.start:
        return Wait(window.start, "the window opens then")
    if now + timedelta(minutes=window.interruption) > window.end:
        return Wait(None, "the announced interruption no longer fits into the window; reschedule")
    return Do(Step.CATCH_UP)


def _frozen(migration: Migration, marks: Marks, now: datetime) -> Next:
    ends = freeze_ends(migration)
    if ends is None or now >= ends or Step.UNFREEZE in marks.begun:
        return Do(Step.UNFREEZE)
    return Do(Step.FINAL) if Step.FREEZE in marks.done else Do(Step.FREEZE)


def _holding(migration: Migration, marks: Marks, now: datetime, policy: Policy) -> Next:
    if migration.cut_over_at is None:
        return Wait(None, "it is not known when the cut-over was")
    over = migration.cut_over_at + policy.hold
    if now < over:
        return Wait(over, "the hold: the old side relays late mail, the way back is open")
    agreed = migration.cut_over_at + policy.sign_off_within
    if migration.sign_off is None and now < agreed:
        return Wait(agreed, "nobody has signed off yet")
    return _first_open((Step.SETTLE, Step.COMPLETE), marks)


def _back(migration: Migration, marks: Marks) -> Next:
    if migration.serving is Side.TENANT:
        return _first_open(BACK_FROM_TENANT, marks)
    wanted = [Step.BACK_OPEN_SHARED]
    if Step.OPEN_TENANT in marks.begun:
        wanted.append(Step.BACK_RELAY)
    if Step.BACK_COPY in marks.done:
        wanted.append(Step.BACK_LATE)
    # The message with the new hosts, sent when userinfo turned, is also what a customer enters the MX by.
    by_hand = migration.manual_dns and Step.FINAL in marks.done
    if Step.MX in marks.begun or by_hand:
        wanted += [Step.BACK_MX, *([Step.BACK_SHEET] if migration.manual_dns else []), Step.BACK_SEE_MX]
    if Step.OPEN_TENANT in marks.begun:
        wanted.append(Step.BACK_DRAIN)
    if Step.PROVISION in marks.begun:
        wanted += [Step.BACK_RECORDS, Step.BACK_SERVERS]
    return _first_open((*wanted, Step.BACK_DONE), marks)


def _first_open(steps: tuple[Step, ...], marks: Marks) -> Next:
    """The first that is not done; the last one is done by its event, so it is named until then."""
    return Do(next((step for step in steps if step not in marks.done), steps[-1]))
