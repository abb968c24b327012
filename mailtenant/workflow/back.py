"""The steps of the way back, in their order. What was never begun is not undone; each may be run again."""

from datetime import timedelta

from mailtenant.migration import events
from mailtenant.migration.sides import Direction
from mailtenant.workflow.decide import Step
from mailtenant.workflow.forward import bring_late, closed, copy, fingerprints, left, wait_for_records
from mailtenant.workflow.job import Job, NotYet
from mailtenant.workflow.ports import StepError


def back_close_tenant(job: Job) -> None:
    job.begun()
    job.move.tenant.freeze()
    closed(job, job.move.tenant)
    job.finish()


def back_copy(job: Job) -> None:
    """The old side is closed to logins and hands on what it gets, so only the new side's changes travel."""
    ours = {mailbox.address for mailbox in job.move.tenant.accounts().mailboxes}
    theirs = {mailbox.address for mailbox in job.move.shared.accounts().mailboxes}
    if new := sorted(ours - theirs):
        raise StepError(
            f"mailboxes made after the cut-over are not on the shared host: {', '.join(new[:3])}",
            "make them there with the same password, or remove them here, then `mailtenant migrate retry`",
            again=False,
        )
    if Step.LATE not in job.marks.done:
        # What came too late for the way there would stand in the way of "equal" here.
        late = bring_late(job, Direction.TO_TENANT, Step.FINAL)
        job.begun(late=late or job.notes().get("late", {}))
    report = copy(job, Direction.TO_SHARED, sorted(ours & theirs))
    if differences := report.differences():
        raise StepError(f"the two sides differ: {'; '.join(differences[:3])}", "see the report of the copy back")
    if not job.move.tenant.activity().quiet:
        raise StepError("something reached the new side during the copy back", "the copy is run again")
    job.apply_or_fail(
        events.FlipBack(report), "the copy back is run again",
        late=job.notes().get("late"), copied=fingerprints(report),
    )  # fmt: skip


def back_open_shared(job: Job) -> None:
    job.move.shared.thaw()
    job.finish()


def back_relay(job: Job) -> None:
    job.begun()
    job.move.tenant.relay(job.move.shared_host)
    job.finish()


def back_late(job: Job) -> None:
    left(job, job.move.tenant)
    job.finish(late=bring_late(job, Direction.TO_SHARED, Step.BACK_COPY))


def back_mx(job: Job) -> None:
    job.move.stack.up("additive")
    job.finish()


def back_sheet(job: Job) -> None:
    job.finish(events.RestoreRecords(job.move.dns.sheet_back()))


def back_see_mx(job: Job) -> None:
    wait_for_records(job, "additive", job.move.dns.remembered("cutover"))
    job.finish()


def back_drain(job: Job) -> None:
    held = job.move.tenant.activity().held
    if held:
        raise NotYet(timedelta(seconds=job.settings.look), f"{held} mails are on their way from the new side")
    job.finish()


def back_records(job: Job) -> None:
    job.move.stack.up("adopted")
    job.finish()


def back_servers(job: Job) -> None:
    job.move.stack.take_down(keep=job.settings.keep_servers)
    job.finish()


def back_done(job: Job) -> None:
    job.apply_or_wait(events.RolledBack())
