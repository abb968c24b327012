"""Random histories: whatever is tried in whatever order, some things never happen."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mailtenant.migration import TRANSITIONS, Refused, Side, State, Window, apply, events
from mailtenant.migration.evidence import CopyReport, DnsSeen, Probe, SmokeTest, Verification
from tests.unit.migration.examples import EQUAL, NOW, POLICY, START, UNEQUAL

REPORTS = strategies.sampled_from([EQUAL, UNEQUAL, CopyReport(2, EQUAL.mailboxes)])
DNS = strategies.builds(
    DnsSeen, strategies.integers(1, 3), strategies.booleans(), strategies.booleans(),
    strategies.sampled_from([(), (), ("MX acme.test",)]),
)  # fmt: skip
PLAIN = strategies.sampled_from(
    [
        events.Resume(), events.Expire(), events.Remind(), events.Prepare(), events.SendRecords("MX …"),
        events.RestoreRecords("MX …"),
        events.Unfreeze("x"),
        events.Agree("jo"), events.Complete(), events.Fail("why", "fix"), events.Retry(), events.RollBack("x"),
        events.RolledBack(), events.Request(),
    ]
)  # fmt: skip


class Histories(RuleBasedStateMachine):
    """Everything that the workflow and people might order, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.migration = NOW, START
        self.equal_at_flip = self.flipped = self.completed = False

    def do(self, event: events.Event) -> None:
        before = self.migration
        try:
            applied = apply(before, event, self.now, POLICY)
        except Refused as refused:
            assert refused.reasons
            return
        after = applied.migration
        assert any(
            (line.source, line.event, line.target) == (before.state, type(event), after.state) for line in TRANSITIONS
        )
        if before.serving is not after.serving:
            # Clients are sent elsewhere by these two events only, and only with equal sides.
            report = {events.CutOver: "final", events.FlipBack: "reverse"}[type(event)]
            assert getattr(event, report) is EQUAL
        if isinstance(event, events.Freeze):
            assert before.notified is not None and before.window is not None
            assert before.window.start - before.notified >= POLICY.notice
            assert before.window.start <= self.now < before.window.end
        if isinstance(event, events.CutOver):
            assert before.frozen_at is not None and before.window is not None
            assert self.now - before.frozen_at <= timedelta(minutes=before.window.interruption)
        assert not self.completed, "nothing leads out of completed"
        self.completed = after.state is State.COMPLETED
        self.migration = after

    @rule(minutes=strategies.sampled_from([1, 5, 60, 24 * 60, 7 * 24 * 60]))
    def time_goes_on(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.migration.window is not None)
    @rule()
    def the_window_comes(self) -> None:
        assert self.migration.window is not None
        self.now = max(self.now, self.migration.window.start)

    @rule()
    def the_announcement_is_sent(self) -> None:
        if self.migration.window and self.migration.notified is None:
            self.migration = replace(self.migration, notified=self.now)

    @rule(days=strategies.integers(0, 20), again=strategies.booleans())
    def schedule(self, days: int, again: bool) -> None:
        window = Window(self.now + timedelta(days=days), 120, 15)
        self.do((events.Reschedule if again else events.Schedule)(window))

    @rule(days=strategies.integers(-1, 30), out=strategies.booleans())
    def put_off(self, days: int, out: bool) -> None:
        self.do((events.OptOut if out else events.Defer)(self.now + timedelta(days=days), "x"))

    @rule(passed=strategies.booleans())
    def prepared(self, passed: bool) -> None:
        self.do(events.Prepared(SmokeTest(passed)))

    @rule(seen=DNS, copy=strategies.booleans())
    def dns_is_looked_at(self, seen: DnsSeen, copy: bool) -> None:
        self.do(events.StartCopy(seen) if copy else events.Verify(seen))

    @rule(report=REPORTS, kind=strategies.sampled_from([events.Freeze, events.CutOver, events.FlipBack]))
    def a_pass_ends(self, report: CopyReport, kind: type[events.Freeze | events.CutOver | events.FlipBack]) -> None:
        self.do(kind(report))

    @rule(green=strategies.booleans(), minutes=strategies.integers(0, 30))
    def probes_ran(self, green: bool, minutes: int) -> None:
        self.do(events.Verified(Verification((Probe("send", green),), self.now - timedelta(minutes=minutes))))

    @rule(event=PLAIN)
    def anything_else(self, event: events.Event) -> None:
        self.do(event)

    @rule(good=strategies.sampled_from([True, True, True, False]))
    def the_likely_next_step(self, good: bool) -> None:
        """Leads random histories deep into a migration; if not `good`, with evidence that must stop them."""
        seen, report = DnsSeen(2 if good else 1, True, True), EQUAL if good else UNEQUAL
        state, window = self.migration.state, self.migration.window
        if state is State.SCHEDULED and good:
            self.the_announcement_is_sent()
        if state is State.COPYING and window:
            self.now = max(self.now, window.start)
        steps: dict[State, events.Event] = {
            State.REQUESTED: events.Schedule(Window(self.now + POLICY.notice * (1 if good else 0), 120, 15)),
            State.SCHEDULED: events.Prepare(),
            State.PREPARING: events.Prepared(SmokeTest(good)),
            State.PREPARED: events.StartCopy(seen),
            State.COPYING: events.Freeze(report),
            State.FROZEN: events.CutOver(report),
            State.CUT_OVER: events.Verify(seen),
            State.VERIFYING: events.Verified(Verification((Probe("send", good),), self.now - timedelta(hours=1))),
            State.HOLDING: events.Complete() if good else events.RollBack("x"),
            State.FAILED: events.Retry(),
            State.ROLLING_BACK: events.FlipBack(report),
        }
        if state in steps:
            self.do(steps[state])

    @invariant()
    def who_serves_follows_from_the_state(self) -> None:
        migration = self.migration
        before = {
            State.REQUESTED, State.SCHEDULED, State.PREPARING, State.PREPARED, State.COPYING, State.FROZEN,
            State.DEFERRED, State.OPTED_OUT, State.ROLLED_BACK,
        }  # fmt: skip
        if migration.state in before:
            assert migration.serving is Side.SHARED
        if migration.state in {State.CUT_OVER, State.VERIFYING, State.HOLDING, State.COMPLETED}:
            assert migration.serving is Side.TENANT

    @invariant()
    def a_failure_says_why_and_what_to_do(self) -> None:
        failure = self.migration.failure
        assert (failure is not None) == (self.migration.state is State.FAILED)
        assert failure is None or (failure.why and failure.fix)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
