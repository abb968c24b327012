"""`mailtenant dns preflight`: whether the credentials of each zone read it and may write there. Changes nothing."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from mailtenant.cli import output
from mailtenant.fleet import dns_keys
from mailtenant.settings import load_stack_file


def preflight(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Ask each DNS provider of LABEL whether its credentials read the zone and may write there, and Cloudflare whether
    somebody else's address stands at the tenant's own names in the platform's zone; nothing is changed.
    Exits with 1 if one does not.

    Example: mailtenant dns preflight acme
    """
    folder = output.project_dir(project)
    stack_file = load_stack_file(output.stack_file(project, label))
    found = [*dns_keys.platform_findings(folder, stack_file), *dns_keys.customer_findings(folder, stack_file)]
    if as_json:
        output.print_json([asdict(one) for one in found])
    elif not found:
        typer.echo(f"no zone of {label} is written through a provider's API: there is nothing to ask")
    else:
        table = Table("", "zone", "question", "answer")
        for one in found:
            table.add_row("✓" if one.ok else "✗", one.zone, one.question, one.said)
        output.print_table(table)
    if not all(one.ok for one in found):
        raise typer.Exit(output.ExitCode.PROBLEM)
