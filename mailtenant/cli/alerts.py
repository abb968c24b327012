"""`mailtenant alerts`: what operators were told, and which problems are still on."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.control import control

app = typer.Typer(no_args_is_help=True, help="Alerts to operators; docs/alerts.md has a section for each kind.")


@app.command("list")
def list_alerts(
    label: Annotated[str | None, typer.Argument(help="only this tenant's")] = None,
    on: Annotated[bool, typer.Option("--on", help="only problems that are not over")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """List alerts, the newest first. Exits with 1 if a problem among them is not over.

    Example: mailtenant alerts list --on
    """
    from mailtenant.control import alerts

    with control(project) as plane, plane.database.read() as session:
        found = [alerts.as_json(row) for row in alerts.listing(session, label, on=on)]
    if as_json:
        output.print_json(found)
    else:
        table = Table("when", "tenant", "kind", "what", "to do", "over")
        for one in found:
            name = f"{one['kind']} {one['subject']}".strip()
            over = one["ended"] or ("still on" if one["lasting"] else "")
            table.add_row(one["at"], one["tenant"], name, escape(one["what"]), escape(one["fix"]), over)
        output.print_table(table)
    if any(one["lasting"] and one["ended"] is None for one in found):
        raise typer.Exit(output.ExitCode.PROBLEM)
