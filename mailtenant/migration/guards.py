"""What must hold before a migration goes on. A guard answers None, or what is missing and the fix.

Each reads the migration as it was before the event, the event's own evidence, the time and the platform's policy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailtenant.migration import events
from mailtenant.migration.evidence import ITEMS, DnsSeen, Item, Policy
from mailtenant.migration.model import Migration
from mailtenant.migration.states import Side

Judge = Callable[[Migration, events.Event, datetime, Policy], str | None]


@dataclass(frozen=True)
class Guard:
    """`name` stands in the diagram and in the docs."""

    name: str
    judge: Judge


def _guard(name: str) -> Callable[[Judge], Guard]:
    return lambda judge: Guard(name, judge)


@_guard("label confirmed")
def label_confirmed(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    if migration.label is None:
        return "the label is not confirmed; agree on it with the customer: mailtenant customer confirm"
    return None


@_guard("DNS proven")
def dns_proven(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    if Item.DNS not in migration.checklist:
        return "the checklist item `dns` is red; prove the provider's key, or agree on entering the records by hand"
    return None


@_guard("notice period")
def announced_early(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    assert isinstance(event, events.Schedule)  # noqa: S101 - the table pairs them
    if event.window.start < now + policy.notice:
        return (
            f"the window begins before the notice period of {_days(policy.notice)} is over; "
            f"take one from {(now + policy.notice).isoformat(timespec='minutes')} on"
        )
    return None


@_guard("in the future")
def until_later(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    until = getattr(event, "until", None)
    if until is None or until <= now:
        return "the date is not in the future; name the day until which the move is put off"
    return None


@_guard("its date has come")
def date_has_come(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    if migration.until is None or now < migration.until:
        return "the date is not there yet; `resume` takes the customer back earlier"
    return None


@_guard("smoke test green")
def smoke_green(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    assert isinstance(event, events.Prepared)  # noqa: S101
    if not event.smoke.passed or event.smoke.failures:
        failed = "; ".join(event.smoke.failures) or "no reason given"
        return f"the smoke test of the new servers failed ({failed}); put it right and test again"
    return None


@_guard("manual DNS")
def has_manual_dns(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    return None if migration.manual_dns else "no domain of this customer is entered by hand; there is no sheet to send"


@_guard("sheet sent once")
def records_not_sent(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    return "the sheet was sent already" if migration.records_sent else None


@_guard("checklist green")
def checklist_green(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    red = [f"{item} ({ITEMS[item]})" for item in Item if item not in migration.checklist]
    return f"the checklist is not green: {'; '.join(red)}" if red else None


@_guard("announced for this date")
def announced(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    if migration.window is None:
        return "no window is fixed; schedule one"
    if migration.notified is None:
        return "the announcement of this date has not been sent; see `mailtenant migrate status`, the outbox"
    if migration.window.start - migration.notified < policy.notice:
        return (
            f"the announcement of this date was sent less than {_days(policy.notice)} before it; "
            "reschedule to a later window"
        )
    return None


@_guard("window near, not yet reminded")
def reminder_due(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    if migration.window is None or migration.reminded:
        return "there is nothing to remind of: no window, or it was done"
    if not migration.window.start - policy.reminder <= now < migration.window.start:
        return f"a reminder goes out within {_days(policy.reminder)} before the window"
    return None


@_guard("records seen, old TTL over")
def dns_seen(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    seen: DnsSeen = getattr(event, "dns")  # noqa: B009 - both events that carry it are paired with this guard
    if seen.missing:
        return f"records are missing or differ: {', '.join(seen.missing)}; `mailtenant dns verify` says how"
    if not seen.authoritative or seen.resolvers < policy.resolvers:
        return (
            f"the records were seen at {seen.resolvers} of {policy.resolvers} resolvers, at "
            f"{'all' if seen.authoritative else 'not all'} authoritative servers; wait and look again"
        )
    if not seen.waited:
        return "resolvers may still hold the old records; wait until the old TTL is over"
    return None


@_guard("window open")
def window_open(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    window = migration.window
    if window is None:
        return "no window is fixed; schedule one"
    if now < window.start:
        return f"the window opens at {window.start.isoformat(timespec='minutes')}; wait for it"
    if now + timedelta(minutes=window.interruption) > window.end:
        return "the announced interruption no longer fits into the window; reschedule"
    return None


@_guard("first pass without errors")
def first_pass_clean(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    assert isinstance(event, events.Freeze)  # noqa: S101
    return _listed("the first pass had errors", event.first_pass.errors(), "copy these mailboxes again")


@_guard("both sides equal")
def sides_equal(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    assert isinstance(event, events.CutOver)  # noqa: S101
    found = (*event.final.errors(), *event.final.differences())
    return _listed("the two sides differ", found, "run the last pass again, or unfreeze")


@_guard("within the announced interruption")
def within_interruption(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    if migration.frozen_at is None or migration.window is None:
        return "it is not known since when the mail is frozen; unfreeze"
    if now - migration.frozen_at > timedelta(minutes=migration.window.interruption):
        return f"the freeze has lasted longer than the announced {migration.window.interruption} minutes; unfreeze"
    return None


@_guard("all probes green for long enough")
def probes_green(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    assert isinstance(event, events.Verified)  # noqa: S101
    found = event.verification
    failed = (probe for probe in found.probes if not probe.passed)
    red = [probe.name + (f" ({probe.evidence})" if probe.evidence else "") for probe in failed]
    if red or not found.probes:
        return f"probes are red: {', '.join(red) or 'none was run'}; put it right, or roll back"
    if found.green_since is None or now - found.green_since < policy.green_for:
        return f"the probes must stay green for {policy.green_for.total_seconds() / 60:.0f} minutes; wait"
    return None


@_guard("hold over")
def hold_over(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    if migration.cut_over_at is None or now - migration.cut_over_at < policy.hold:
        return f"the hold of {_days(policy.hold)} after the cut-over is not over; the way back stays open until then"
    return None


@_guard("signed off, or time for it over")
def signed_off(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    if migration.sign_off or (migration.cut_over_at and now - migration.cut_over_at >= policy.sign_off_within):
        return None
    return "nobody has signed off; ask the customer, or wait until the time for it is over"


@_guard("served by the tenant")
def tenant_serves(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    return None if migration.serving is Side.TENANT else "the shared host serves already; there is nothing to flip back"


@_guard("copied back, both sides equal")
def reverse_equal(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    assert isinstance(event, events.FlipBack)  # noqa: S101
    found = (*event.reverse.errors(), *event.reverse.differences())
    return _listed("the two sides differ", found, "run the copy back again before the flip")


@_guard("served by the shared host")
def shared_serves(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
    return None if migration.serving is Side.SHARED else "the tenant host still serves; flip back first"


def stopped_in(state: str) -> Guard:
    """For `retry`: back to the state in which it failed."""

    def judge(migration: Migration, event: events.Event, now: datetime, policy: Policy) -> str | None:
        during = migration.failure.during if migration.failure else "no state"
        return None if during == state else f"it failed in {during}"

    return Guard(f"failed in {state}", judge)


def _listed(what: str, lines: tuple[str, ...], fix: str) -> str | None:
    if not lines:
        return None
    rest = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
    return f"{what}: {'; '.join(lines[:3])}{rest}; {fix}"


def _days(span: timedelta) -> str:
    days, rest = divmod(span, timedelta(days=1))
    return f"{days} day{'s' if days != 1 else ''}" if not rest else f"{span.total_seconds() / 3600:g} hours"
