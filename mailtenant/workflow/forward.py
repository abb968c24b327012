"""The steps of the way there. Each may be run again after a crash at any point: it finds its work done, or does it."""

from datetime import datetime, timedelta

from mailtenant.migration import events
from mailtenant.migration.evidence import CopyReport, DnsSeen, Verification, fingerprint
from mailtenant.migration.sides import Direction, MailSide
from mailtenant.settings.existing import Phase
from mailtenant.workflow.decide import Step
from mailtenant.workflow.job import Job, NotYet
from mailtenant.workflow.ports import StepError


def begin(job: Job) -> None:
    job.finish(events.Prepare())


def preflight(job: Job) -> None:
    red = [finding for finding in job.moves.preflight(job.label) if not finding.ok]
    if red:
        why = "; ".join(f"{finding.subject}: {finding.said}" for finding in red)
        fixes = "; ".join(dict.fromkeys(finding.fix for finding in red if finding.fix))
        raise StepError(f"the preflight is red: {why}", fixes or "see `mailtenant migrate preflight`", again=False)
    job.finish()


def provision(job: Job) -> None:
    job.begun()
    job.move.stack.up("adopted")
    job.finish()


def accounts(job: Job) -> None:
    take_accounts(job)
    job.finish()


def take_accounts(job: Job) -> list[str]:
    """Mailboxes and aliases as they are on the old side now; the mailboxes' addresses."""
    found = job.move.shared.accounts()
    job.move.tenant.import_accounts(found)
    return [mailbox.address for mailbox in found.mailboxes]


def smoke(job: Job) -> None:
    # An earlier attempt may have left it closed; nothing points here yet.
    job.move.tenant.thaw()
    result = job.move.stack.smoke()
    job.apply_or_fail(events.Prepared(result), "look at `mailtenant check`, then `mailtenant migrate retry`")


def close_tenant(job: Job) -> None:
    job.begun()
    job.move.tenant.freeze()
    job.finish()


def additive(job: Job) -> None:
    job.begun()
    job.move.stack.up("additive")
    job.finish()


def sheet(job: Job) -> None:
    job.finish(events.SendRecords(job.move.dns.sheet()))


def see_additive(job: Job) -> None:
    seen = wait_for_records(job, "additive", job.move.dns.remembered("additive"))
    job.apply_or_wait(events.StartCopy(seen))


def wait_for_records(job: Job, phase: Phase, remembered: timedelta) -> DnsSeen:
    """The records as seen everywhere, and seen for so long that what was there before is forgotten.

    Raises: NotYet. A person may need days: the pauses between looks grow.
    """
    seen = job.move.dns.seen(phase)
    notes, now = job.notes(), job.now
    complete = not seen.missing and seen.authoritative and seen.resolvers >= job.policy.resolvers
    if not complete:
        looks = int(notes.get("looks", 0)) + 1
        job.begun(looks=looks, since=None)
        what = f"these are missing or differ: {', '.join(seen.missing[:3])}" if seen.missing else "not seen everywhere"
        pause = min(job.settings.look * 1.2 ** min(looks, 40), job.settings.longest_look)
        raise NotYet(timedelta(seconds=pause), f"waiting for the records; {what}")
    since = datetime.fromisoformat(notes["since"]) if notes.get("since") else None
    if since is None:
        since = now
        job.begun(since=now.isoformat())
    if now < since + remembered:
        raise NotYet(since + remembered - now, "the records are seen; the old ones may still be remembered until then")
    return DnsSeen(seen.resolvers, seen.authoritative, waited=True)


def copy(job: Job, direction: Direction, addresses: list[str]) -> CopyReport:
    """One pass. Raises: StepError, if a mailbox was not copied, or its target is not empty before its first copy."""
    if direction is Direction.TO_TENANT and (new := job.first_copies(addresses)):
        must_be_empty(job, new)
        job.copy_begins(new)
    return copied(job.move.copier.run(direction, addresses, job.advance(int(job.notes().get("octets", 0)))))


def must_be_empty(job: Job, addresses: list[str]) -> None:
    """dsync leaves out what clashes with a message that was there before its first pass, and never heals that
    (docs/decisions/0015). Raises: StepError naming each such mailbox.
    """
    holds = job.move.copier.holds(Direction.TO_SHARED, addresses)
    counts = {address: sum(one.messages for one in holds[address].values()) for address in addresses}
    if full := [f"{address} ({count} messages)" for address, count in counts.items() if count]:
        more = f" and {len(full) - 3} more" if len(full) > 3 else ""
        raise StepError(
            f"mailboxes of the new side hold mail before their first copy: {', '.join(full[:3])}{more}",
            f"move it away if somebody needs it; `mailtenant mailbox remove {job.label} ADDRESS --delete-mail`; then "
            f"`mailtenant migrate retry {job.label}`, which makes the mailbox anew",
            again=False,
        )


def copied(report: CopyReport) -> CopyReport:
    """The report. Raises: StepError, if a mailbox was not copied."""
    if errors := report.errors():
        more = f" and {len(errors) - 3} more" if len(errors) > 3 else ""
        raise StepError(
            f"mailboxes were not copied: {'; '.join(errors[:3])}{more}",
            "put it right (space, quota, the mailbox's own error), then `mailtenant migrate retry`",
        )
    return report


def fingerprints(report: CopyReport) -> dict[str, list[str | int]]:
    """What was copied of each mailbox, to be compared with what its source holds later."""
    return {mailbox.address: fingerprint(mailbox.source) for mailbox in report.mailboxes}


def bring_late(job: Job, direction: Direction, last: Step) -> dict[str, int]:
    """Compares the side that was copied from with what the step `last` copied, and brings over what is new since;
    mailbox → how many messages more it has (0 or below: others' flags, or fewer). Raises: StepError
    """
    seen = job.marks.done[last.value]["copied"]
    holds = job.move.copier.holds(direction, list(seen))
    new = {address: fingerprint(holds[address]) for address in seen if fingerprint(holds[address]) != seen[address]}
    if new:
        copied(job.move.copier.late(direction, list(new)))
    return {address: int(messages) - int(seen[address][1]) for address, (_, messages) in new.items()}


def first_pass(job: Job) -> None:
    octets = sum(job.moves.estimate(job.label).mailboxes.values())
    job.begun(octets=octets)
    report = copy(job, Direction.TO_TENANT, take_accounts(job))
    job.finish(mailboxes=report.expected, messages=report.messages, octets=report.octets)


def catch_up(job: Job) -> None:
    report = copy(job, Direction.TO_TENANT, take_accounts(job))
    # The event first, the act then: the state never says less than what may have happened to the mail.
    job.apply_or_wait(events.Freeze(report))


def freeze(job: Job) -> None:
    job.begun()
    job.move.shared.freeze()
    closed(job, job.move.shared)
    job.finish()


def closed(job: Job, side: MailSide) -> None:
    """Nobody of the customer is logged in, and nobody can log in: what was written into the servers' tables is not
    believed, the servers are asked. Raises: StepError
    """
    quiet(job, side)
    denied(side)
    quiet(job, side)


def left(job: Job, side: MailSide) -> None:
    """As `closed`, of a side that sends everything on: mail may pass through its queue. Raises: StepError"""
    denied(side)
    if not job.wait_until(lambda: not side.activity().sessions, job.settings.quiet):
        raise StepError(
            f"{side.activity().sessions} sessions have not ended in {job.settings.quiet:g} s",
            "see on the mail host whose they are",
        )


def denied(side: MailSide) -> None:
    """Raises: StepError, if somebody could log in."""
    if admitted := side.admitted():
        raise StepError(
            f"logins are not denied: {', '.join(admitted[:3])}",
            "see that its Dovecot has the lines for a move (docs/decisions/0014), then `mailtenant migrate retry`",
        )


def quiet(job: Job, side: MailSide) -> None:
    """Waits until no session and no delivery is left. Raises: StepError"""
    if not job.wait_until(lambda: side.activity().quiet, job.settings.quiet):
        left = side.activity()
        raise StepError(
            f"{left.sessions} sessions and {left.deliveries} deliveries have not ended in {job.settings.quiet:g} s",
            "see on the mail host what keeps them",
        )


def final(job: Job) -> None:
    addresses = take_accounts(job)
    report = copy(job, Direction.TO_TENANT, addresses)
    if differences := report.differences():
        raise StepError(f"the two sides differ: {'; '.join(differences[:3])}", "see the report of the last pass")
    if not job.move.shared.activity().quiet:
        raise StepError("something reached the old side during the last pass", "the pass is run again")
    # From this commit on userinfo names the new hosts; the next step opens them.
    job.apply_or_fail(
        events.CutOver(report), "the old side is opened again; choose a longer interruption",
        copied=fingerprints(report),
    )  # fmt: skip


def unfreeze(job: Job) -> None:
    """Opens the old side; when that has happened too often in one window, a person decides."""
    reason = str(job.notes().get("reason") or "the freeze lasted as long as was announced")
    job.move.shared.thaw()
    count = int(job.marks.begun.get("freezes", {}).get("count", 0)) + 1
    enough = count >= job.settings.freezes
    why = f"the freeze was given up {count} times; the last time: {reason}"
    job.finish(
        events.Unfreeze(reason),
        then=events.Fail(why, "put it right, `mailtenant migrate retry`; mail is served by the shared host")
        if enough
        else None,
        forget=(Step.FREEZE, Step.FINAL, Step.UNFREEZE),
        remember={"freezes": {"count": 0 if enough else count}},
    )


def open_tenant(job: Job) -> None:
    job.begun()
    job.move.tenant.thaw()
    job.finish()


def relay(job: Job) -> None:
    job.begun()
    job.move.shared.relay(job.move.tenant_host)
    job.finish()


def late(job: Job) -> None:
    left(job, job.move.shared)
    job.finish(late=bring_late(job, Direction.TO_TENANT, Step.FINAL))


def mx(job: Job) -> None:
    job.begun()
    job.move.stack.up("cutover")
    job.finish()


def see_mx(job: Job) -> None:
    seen = wait_for_records(job, "cutover", job.move.dns.remembered("cutover"))
    job.apply_or_wait(events.Verify(seen))


def verify(job: Job) -> None:
    probes = job.move.probes.round()
    red = [f"{probe.name} ({probe.evidence})" for probe in probes if not probe.passed]
    if red or not probes:
        job.begun(green_since=None)
        raise StepError(f"probes are red: {', '.join(red) or 'none was run'}", "put it right and retry, or roll back")
    kept = job.notes().get("green_since")
    since = datetime.fromisoformat(kept) if kept else job.now
    if not kept:
        job.begun(green_since=since.isoformat())
    left = since + job.policy.green_for - job.now
    if left > timedelta():
        # Several rounds within the time for which all must stay green.
        raise NotYet(min(left, max(job.policy.green_for / 5, timedelta(seconds=1))), "all probes are green so far")
    job.apply_or_wait(events.Verified(Verification(probes, since)))


def settle(job: Job) -> None:
    job.begun()
    job.move.stack.up("settled")
    job.finish()


def complete(job: Job) -> None:
    job.apply_or_wait(events.Complete())
