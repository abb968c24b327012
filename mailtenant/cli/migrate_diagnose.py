"""`mailtenant migrate diagnose`: after a move, which rule does not hold, what shows it, and what to do."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy import func, select

from mailtenant.accounts.errors import AccountError
from mailtenant.check import Report, Status
from mailtenant.check.report import count
from mailtenant.cli import dns_verify, output
from mailtenant.cli.control import control
from mailtenant.control import audit, customers, migrations, outbox, reports
from mailtenant.control.errors import ControlError
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Worker
from mailtenant.dns.verify import Result
from mailtenant.fleet.stacks import StackError
from mailtenant.migration import Side, diagnosis
from mailtenant.migration.diagnosis import Diagnosis
from mailtenant.migration.logins import at_old_host
from mailtenant.migration.sides import Activity, SideError
from mailtenant.settings.errors import SettingsErrors
from mailtenant.tasks import book
from mailtenant.workers.leases import database_now
from mailtenant.workflow import runs, watch
from mailtenant.workflow.ports import StepError
from mailtenant.workflow.real.moves import PlaceSettings, RealMoves

Label = Annotated[str, typer.Argument(help="the customer's label")]
T = TypeVar("T")
LATE: Final = "move.late_mail"
UNANSWERED: Final = (
    StepError, SideError, ControlError, StackError, AccountError, SettingsErrors, output.CommandError, OSError,
)  # fmt: skip
"""What a question may end with: that is a finding of its own."""


@dataclass(frozen=True)
class Questions:
    """What is asked of servers and DNS. `log`: reads the old host's log and keeps what it shows."""

    log: Callable[[], None]
    old_queue: Callable[[], Activity]
    old_logins: Callable[[], Sequence[str]]
    new_queue: Callable[[], Activity]
    check: Callable[[], Report]
    dns: Callable[[], Sequence[Result]]


def diagnose(
    label: Label,
    stored: Annotated[
        bool, typer.Option("--stored", help="ask neither servers nor DNS: only what the control plane knows")
    ] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Explain what is wrong with LABEL after its move: each rule that does not hold with its evidence and the fix. Puts
    together `check`, `dns verify`, userinfo, logins at the old host, both queues, tasks, messages and the workflow.
    Exits with 1 if there is a finding.

    Example: mailtenant migrate diagnose acme
    """
    with control(project) as plane:
        with plane.database.read() as session:
            serving = migrations.load(session, customers.find(session, label))[1].serving
        found = [] if stored else asked(label, serving, questions(plane, output.project_dir(project), label))
        found = [*known(plane, label), *found]
    if as_json:
        output.print_json([asdict(one) for one in found])
    else:
        table = Table("", "rule", "evidence", "fix", title=f"diagnosis of {label}")
        for one in found:
            table.add_row("✓" if one.ok else "✗", one.rule, escape(one.evidence), escape(one.fix))
        output.print_table(table)
        wrong = sum(not one.ok for one in found)
        typer.echo(f"{wrong} findings" if wrong else "nothing is wrong")
    if not all(one.ok for one in found):
        raise typer.Exit(output.ExitCode.PROBLEM)


def known(plane: ControlPlane, label: str) -> Iterator[Diagnosis]:
    """What the control plane itself knows. Raises: NotFound"""
    now, settings = plane.now(), plane.settings
    with plane.database.read() as session:
        tenant = customers.find(session, label)
        migration = migrations.load(session, tenant)[1]
        run = runs.get(session, tenant)
        alive = select(func.count()).select_from(Worker)
        live = (Worker.kind == "migration", Worker.stopped_at.is_(None), Worker.lease_until > database_now(session))
        worker = bool(session.scalar(alive.where(Worker.fenced_at.is_(None), *live)))
        tasks = [
            diagnosis.TaskSeen(row.id, row.kind, row.state, row.message, row.ended_at or row.created_at)
            for row in book.every(session, tenant.id)
        ]
        unsent = outbox.listing(session, tenant.id, unsent=True)
        late = [(e.at, dict(e.detail["new"])) for e in audit.entries(session, tenant.id) if e.action == LATE]
        logins = reports.logins(session, tenant.id)
    yield diagnosis.move(label, migration)
    active = run is not None and run.active
    tries, why = (run.tries, run.why) if run and active else (0, "")
    yield diagnosis.run(label, migration, tries, why, worker=worker, active=active)
    shared = (settings.shared_smtp_host, settings.shared_imap_host)
    given = (tenant.smtp_host, tenant.imap_host)
    yield diagnosis.userinfo(label, migration.serving, given, shared, settings.tenant_host(label))
    if migration.serving is Side.TENANT and migration.cut_over_at is not None:
        users = at_old_host(logins[1], migration.cut_over_at, now) if logins else None
        yield diagnosis.old_host(label, users, logins[0] if logins else None)
    yield from diagnosis.tasks(label, tasks, migration.cut_over_at, now)
    dead = [(row.id, row.kind, row.error or "") for row in unsent if row.state == outbox.DEAD]
    yield diagnosis.messages(label, dead)
    yield diagnosis.late(late)


def asked(label: str, serving: Side, ask: Questions) -> list[Diagnosis]:
    """What servers and DNS say. Of the side that does not serve yet nothing is expected."""
    found: list[Diagnosis] = []

    def answer(rule: str, question: Callable[[], T], fix: str) -> T | None:
        try:
            return question()
        except UNANSWERED as error:
            found.append(diagnosis.failed(rule, str(error), fix))
            return None

    reach = "see that MAILTENANT_MIGRATE_SHARED_HOST is right and the old host answers"
    answer("old-host-log", ask.log, reach)
    old = answer("queue-old", ask.old_queue, reach)
    if serving is Side.SHARED:
        return [*found, *diagnosis.queues(label, serving, old, None)]
    found += diagnosis.denied(answer("old-host-closed", ask.old_logins, reach))
    new = answer("queue-new", ask.new_queue, f"see that the servers run: mailtenant recover, pulumi up -s {label}")
    found += diagnosis.queues(label, serving, old, new)
    if (report := answer("check", ask.check, f"see `mailtenant check {label}`")) is not None:
        found += _checked(report)
    if (results := answer("dns", ask.dns, f"see `mailtenant dns verify {label}`")) is not None:
        found += _published(results)
    return found


def _checked(report: Report) -> Iterator[Diagnosis]:
    for step in report.steps:
        if step.status is Status.FAILED:
            yield Diagnosis(f"check {step.name}", False, step.cause, step.fix)
    if report.ok:
        yield Diagnosis("check", True, f"{count(report.steps, Status.PASSED)} steps passed")


def _published(results: Sequence[Result]) -> Iterator[Diagnosis]:
    wrong = [one for one in results if not one.ok]
    for one in wrong:
        yield Diagnosis("dns", False, f"{one.subject} at {one.server}: {one.said}", one.fix)
    if not wrong:
        yield Diagnosis("dns", True, f"{len(results)} answers are as planned")


def questions(plane: ControlPlane, folder: Path, label: str) -> Questions:
    """Asked of the real systems."""
    moves = RealMoves(plane, folder, PlaceSettings.from_environment())
    return Questions(
        log=lambda: watch.look(plane, moves.logins, label),
        old_queue=lambda: moves.shared(label).activity(),
        old_logins=lambda: moves.shared(label).admitted(),
        new_queue=lambda: moves.open(label).tenant.activity(),
        check=lambda: moves.stack(label).check(moves.places.echo or None),
        dns=lambda: dns_verify.published(folder, moves.stack(label).file()),
    )
