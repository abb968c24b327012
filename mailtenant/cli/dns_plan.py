"""`mailtenant dns plan` and `dns sheet`: what a phase holds, and what a person has to enter for it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.dns_servers import ResolverOption, live_spf
from mailtenant.dns import record_lines
from mailtenant.dns.planner import plan as make_plan
from mailtenant.dns.planner import planned_records
from mailtenant.dns.records import Record
from mailtenant.dns.sheet import Row, rows
from mailtenant.dns.wait import wait_before
from mailtenant.settings import StackFile, load_stack_file
from mailtenant.settings.existing import PHASES, Phase

PhaseOption = Annotated[
    str | None, typer.Option("--phase", help="adopted, additive, cutover or settled; default: the stack file's")
]


class SheetForm(StrEnum):
    """How the sheet is printed."""

    TABLE = "table"
    CSV = "csv"
    BIND = "bind"
    JSON = "json"


def plan(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    phase: PhaseOption = None,
    live: Annotated[bool, typer.Option("--live", help="count SPF lookups through the includes of others, too")] = False,
    resolvers: ResolverOption = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Show every record that LABEL has in a phase with its reason, what changed against the phase before, what the
    rules say, and how long to wait. Exits with 1 if a rule refuses the plan.

    Example: mailtenant dns plan acme --phase cutover
    """
    stack_file = load_stack_file(output.stack_file(project, label))
    now = known_phase(phase) or stack_file.dns_phase
    resolver = live_spf(stack_file, resolvers) if live else None
    made = make_plan(stack_file.settings, stack_file.existing, now, resolver)
    before = PHASES[max(0, PHASES.index(now) - 1)]
    changed = rows(planned_records(stack_file.settings, stack_file.existing, before), made.records)
    wait = wait_before(stack_file.settings, stack_file.existing, before, now)
    if as_json:
        output.print_json(
            {
                "phase": now,
                "records": [asdict(record) for record in made.records],
                "changes_since": before,
                "changes": [row.as_dict() for row in changed],
                "wait_seconds": int(wait.length.total_seconds()),
                "wait_reason": wait.reason,
                "findings": [asdict(finding) for finding in made.findings],
            }
        )
    else:
        output.print_table(_records_table(label, now, made.records))
        if before != now:
            output.print_table(_changes_table(f"what `{now}` changes against `{before}`", changed))
            typer.echo(f"Wait at least {wait.length} in `{before}` before `{now}`: {wait.reason}.")
        for finding in made.findings:
            typer.echo(f"{'refused' if finding.level == 'E' else 'warning'}: {finding}")
    if made.refused:
        raise typer.Exit(output.ExitCode.PROBLEM)


def sheet(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    phase: PhaseOption = None,
    domain: Annotated[str | None, typer.Option(help="just this domain")] = None,
    form: Annotated[SheetForm, typer.Option("--format", help="table, csv, bind or json")] = SheetForm.TABLE,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Print the sheet that a customer enters by hand: old and new value of each record, the name as the forms of
    GoDaddy and Cloudflare want it, and the reason.

    Example: mailtenant dns sheet acme --phase additive --format csv
    """
    form = SheetForm.JSON if as_json else form
    stack_file = load_stack_file(output.stack_file(project, label))
    now = known_phase(phase) or stack_file.dns_phase
    made = make_plan(stack_file.settings, stack_file.existing, now)
    if made.refused:
        problems = "\n".join(str(finding) for finding in made.findings if finding.level == "E")
        raise output.CommandError(f"the plan is refused:\n{problems}")
    wanted = [record for record in made.records if record.owner == "customer" and domain in (None, record.zone)]
    if not wanted and domain is not None:
        raise output.CommandError(f"{label} has no records to enter for {domain!r}")
    old = [record for record in before_us(stack_file) if domain in (None, record.zone)]
    found = rows(old, wanted, kept=form is SheetForm.TABLE)
    if form is SheetForm.TABLE:
        output.print_table(_changes_table(f"{label}, phase {now}: enter these records", found, names=True))
    elif form is SheetForm.JSON:
        output.print_json([row.as_dict() for row in found])
    elif form is SheetForm.CSV:
        typer.echo(_csv(found), nl=False)
    else:
        typer.echo("\n".join(_bind(old, wanted)))


def _bind(old: Sequence[Record], wanted: Sequence[Record]) -> list[str]:
    """Zone file lines, each below a comment that says what to do with it and why; what goes stands in a comment."""
    kept = {(row.name, row.type, row.new): row for row in rows(old, wanted, kept=True) if row.action != "remove"}
    lines = []
    for record in wanted:
        row = kept[record.name, record.type, record.value]
        was = f", was {_one_line(row.old)} {row.old_ttl}" if row.action == "change" else ""
        lines += [f"; {row.action}{was}: {row.reason}", *record_lines([record])]
    gone = [row for row in rows(old, wanted) if row.action == "remove"]
    return [*lines, *(f"; remove {row.name}. {row.type} {_one_line(row.old)}: {row.reason}" for row in gone)]


def _one_line(text: str) -> str:
    """For a comment, which a line break would end."""
    return "".join(character if character.isprintable() else "?" for character in text)


def known_phase(text: str | None) -> Phase | None:
    """Raises: CommandError"""
    for phase in PHASES:
        if text == phase:
            return phase
    if text is not None:
        raise output.CommandError(f"there is no phase {text!r}; the phases are {', '.join(PHASES)}")
    return None


def before_us(stack_file: StackFile) -> list[Record]:
    """The customers' records in our places as they were; none of a domain without a snapshot."""
    planned = planned_records(stack_file.settings, stack_file.existing, "adopted")
    return [record for record in planned if record.owner == "customer"]


def _records_table(label: str, phase: Phase, records: tuple[Record, ...]) -> Table:
    table = Table("name", "type", "value", "TTL", "reason", title=f"{label}, phase {phase}")
    for record in records:
        table.add_row(record.name, record.type, record.value, str(record.ttl), record.reason)
    return table


def _changes_table(title: str, found: Sequence[Row], *, names: bool = False) -> Table:
    table = Table("do", "name", "type", "old", "new", "TTL", "reason", title=title)
    for row in found:
        name = f"{row.name_at_godaddy}  ({row.name})" if names else row.name
        ttl = str(row.ttl if row.ttl is not None else row.old_ttl)
        ttl = f"{row.old_ttl} → {row.ttl}" if None not in (row.ttl, row.old_ttl) and row.ttl != row.old_ttl else ttl
        table.add_row(row.action, name, row.type, row.old, row.new, ttl, row.reason)
    return table


def _csv(found: Sequence[Row]) -> str:
    out = io.StringIO()
    dictionaries = [row.as_dict() for row in found]
    names = ["action", "zone", "name", "name_in_form", "type", "old", "new", "old_ttl", "ttl", "reason"]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(dictionaries)
    return out.getvalue()
