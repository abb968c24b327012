"""`mailtenant records`: the DNS records of a tenant, offline, in the form somebody needs them."""

import csv
import io
import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from mailtenant.cli import output
from mailtenant.dns import Record, record_lines, records
from mailtenant.dns.findings import PlanRefused
from mailtenant.settings import load_stack_file

COLUMNS = ("type", "name", "value", "ttl", "reason")


class Format(StrEnum):
    """How the sheet is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    BIND = "bind"


def records_command(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    domain: Annotated[str | None, typer.Option(help="just the records of this zone")] = None,
    form: Annotated[Format, typer.Option("--format", help="table, json, csv or bind")] = Format.TABLE,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Print the DNS records that LABEL needs, each with its reason.

    Example: mailtenant records acme --domain acme.test --format bind
    """
    stack_file = load_stack_file(output.stack_file(project, label))
    settings = stack_file.settings
    try:
        every = records(settings, stack_file.existing, stack_file.dns_phase)
    except PlanRefused as error:
        raise output.CommandError(str(error)) from None
    planned = [record for record in every if domain in (None, record.zone)]
    if not planned:
        zones = ", ".join([settings.host, *(d.name for d in settings.domains)])
        raise output.CommandError(f"{label} has no zone {domain!r}; it has {zones}")
    form = Format.JSON if as_json else form
    if form is Format.TABLE:
        output.print_table(_table(planned))
    else:
        typer.echo({Format.JSON: _json, Format.CSV: _csv, Format.BIND: _bind}[form](planned), nl=False)


def _table(planned: list[Record]) -> Table:
    table = Table(*COLUMNS)
    for record in planned:
        table.add_row(*(str(getattr(record, column)) for column in COLUMNS))
    return table


def _json(planned: list[Record]) -> str:
    return json.dumps([asdict(record) for record in planned], indent=2) + "\n"


def _csv(planned: list[Record]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([getattr(record, column) for column in COLUMNS] for record in planned)
    return text.getvalue()


def _bind(planned: list[Record]) -> str:
    return "".join(line + "\n" for line in record_lines(planned))
