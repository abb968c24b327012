"""`mailtenant mailbox import` and `export`: all accounts of a tenant as one CSV file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mailtenant.accounts.csv_export import accounts_csv, write_private
from mailtenant.accounts.csv_import import ImportFile, decode, parse
from mailtenant.accounts.errors import ImportRefused, Problem
from mailtenant.accounts.importing import conflicts, with_hashes
from mailtenant.accounts.store import AccountStore
from mailtenant.cli import output
from mailtenant.cli.account_options import LabelArgument, tenant_engine

COLUMNS_HELP = "CSV with the columns address, password or password_hash, and quota_mib, name, aliases, forward_to"


def import_mailboxes(
    label: LabelArgument,
    file: Annotated[Path, typer.Argument(help=COLUMNS_HELP)],
    encoding: Annotated[str | None, typer.Option(help="of the file, if it is not UTF-8")] = None,
    check: Annotated[bool, typer.Option("--check", help="store nothing, only say what is wrong with the file")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Import mailboxes and aliases: all of the file in one transaction, or nothing, and every problem with its line.

    Example: mailtenant mailbox import acme people.csv --check
    """
    text = decode(file.read_bytes(), encoding)
    with AccountStore(tenant_engine(project, label)) as store:
        present = store.present()
        parsed = parse(text, {domain.name for domain in present.usage.domains if domain.active})
        problems = [*parsed.problems, *conflicts(parsed, present)]
        if problems:
            _refuse(file, problems, as_json)
        if not check:
            with _progress("hashing passwords", _to_hash(parsed)) as advance:
                mailboxes, aliases = with_hashes(parsed, advance)
            store.import_all(mailboxes, aliases)
    if as_json:
        output.print_json({"mailboxes": len(parsed.mailboxes), "aliases": len(parsed.aliases), "stored": not check})
        return
    verb = "can be imported" if check else "imported"
    typer.echo(f"{len(parsed.mailboxes)} mailboxes and {len(parsed.aliases)} alias destinations {verb}.")


def export_mailboxes(
    label: LabelArgument,
    file: Annotated[Path, typer.Argument(help="CSV file to be made; only its owner can read it")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Write all mailboxes and aliases, passwords as hashes, in the form that import reads.

    Example: mailtenant mailbox export acme acme-accounts.csv
    """
    with AccountStore(tenant_engine(project, label)) as store:
        mailboxes, aliases = store.export()
    write_private(file, accounts_csv(mailboxes, aliases))
    if as_json:
        output.print_json({"file": str(file), "mailboxes": len(mailboxes), "aliases": len(aliases)})
    else:
        typer.echo(f"{len(mailboxes)} mailboxes and {len(aliases)} alias destinations written to {file}.")


def _refuse(file: Path, problems: list[Problem], as_json: bool) -> None:
    refused = ImportRefused(problems)
    if as_json:
        output.print_json([{"line": p.line, "column": p.column, "message": p.message} for p in refused.problems])
    else:
        for problem in refused.problems:
            typer.echo(f"{output.shown_path(file)}: {problem}", err=True)
    raise refused


def _to_hash(parsed: ImportFile) -> int:
    return sum(row.password_hash is None for row in parsed.mailboxes)


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr, where there is a terminal and something to wait for."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not (total and console.is_terminal)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
