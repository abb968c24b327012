"""`mailtenant migrate logins` and `usage`: what the old host shows of a customer, kept for the checklist."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.control import control, operator
from mailtenant.cli.migrate_status import old_host_table
from mailtenant.control import audit, customers, migrations, reports
from mailtenant.migration import usage as sizes
from mailtenant.migration.sides import SideError
from mailtenant.workflow import watch
from mailtenant.workflow.real.moves import PlaceSettings, RealMoves

Label = Annotated[str, typer.Argument(help="the customer's label")]
GIB = 1024**3


def logins(
    label: Label,
    stored: Annotated[bool, typer.Option("--stored", help="show what the last look found, without a new one")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Read who logs in at the old host: before the move every program that will need the new host's name, after the
    cut-over the mailboxes that still go there. `migrate run` looks by itself every 15 minutes; this looks now.
    Exits with 1 while a mailbox still logs in there after the cut-over.

    Example: mailtenant migrate logins acme
    """
    with control(project) as plane:
        with plane.database.read() as session:
            customers.find(session, label)
        if not stored:
            with _old_host():
                moves = RealMoves(plane, output.project_dir(project), PlaceSettings.from_environment())
                watch.look(plane, moves.logins, label)
        with plane.database.read() as session:
            tenant = customers.find(session, label)
            cut_over_at = migrations.load(session, tenant)[1].cut_over_at
            found = reports.shown_logins(session, tenant.id, cut_over_at, plane.now())
    old = found["old_host_logins"]
    if as_json:
        output.print_json({"label": label, **found})
    else:
        table = Table("mailbox", "from", "service", "last seen", title=f"logins of {label} at the old host, 30 days")
        for one in found["recent_logins"]:
            table.add_row(one["address"], one["client"], one["service"], one["last_seen"])
        output.print_table(table)
        if old:
            output.print_table(old_host_table(old))
            typer.echo(f"{old['still']} mailboxes still log in at the old host")
    if old and old["still"]:
        raise typer.Exit(output.ExitCode.PROBLEM)


def usage(label: Label, as_json: output.JsonOption = False, project: output.ProjectOption = None) -> None:
    """Count what LABEL uses on the old host (mailboxes, domains, bytes, mails a day) and propose a size for its own
    servers. The customer acknowledges or changes it on the checklist, by API or `customer checklist LABEL usage`.

    Example: mailtenant migrate usage acme
    """
    with control(project) as plane:
        with _old_host():
            shared = RealMoves(plane, output.project_dir(project), PlaceSettings.from_environment()).shared(label)
            found = shared.usage()
        with plane.database.write() as session:
            tenant = customers.find(session, label)
            reports.put(plane, session, tenant.id, reports.Kind.USAGE, sizes.report(found))
            audit.record(session, operator(), "usage.report", tenant.id, plane.now(), octets=found.octets)
            session.flush()
            shown = reports.shown_usage(session, tenant.id)
    assert shown is not None  # noqa: S101 - written above
    if as_json:
        output.print_json({"label": label, **shown})
        return
    mails = "not known: the old host's log has none" if found.mails_a_day is None else str(found.mails_a_day)
    typer.echo(
        f"{found.mailboxes} mailboxes, {found.domains} domains, {found.octets / GIB:.2f} GiB; mails a day (95 % of "
        f"{len(found.days)} days have at most): {mails}"
    )
    plan = shown["proposed"]
    typer.echo(
        f"proposed: size {plan['size']}, {plan['mailboxes']} mailboxes, {plan['domains']} domains, "
        f"{plan['storage_gib']} GiB; agreed: {'yes' if shown['agreed'] else 'not yet'}"
    )


@contextmanager
def _old_host() -> Iterator[None]:
    try:
        yield
    except SideError as error:
        raise output.CommandError(str(error)) from None
