"""`mailtenant diff`: what a change of the repository does to which tenant, offline."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from mailtenant.cli import output
from mailtenant.diff.comparison import Comparison, compare
from mailtenant.diff.document import to_json
from mailtenant.diff.errors import DiffError
from mailtenant.diff.markdown import markdown
from mailtenant.diff.repository import WORKING_TREE, Repository
from mailtenant.diff.terminal import print_comparison


class Format(StrEnum):
    """How it is printed."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    JSON = "json"


DIFFERENT = 4
"""Exit code of `--exit-code`, where something changes."""


def diff(
    base: Annotated[str, typer.Argument(help="the revision to compare with: a branch, a tag, a commit")],
    head: Annotated[
        str | None, typer.Argument(help="the changed revision; default: the working tree", show_default=False)
    ] = None,
    tenants: Annotated[
        list[str] | None, typer.Option("--tenant", help="look at this tenant only; may be repeated", show_default=False)
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="terminal, markdown or json")] = Format.TERMINAL,
    as_json: output.JsonOption = False,
    merge_base: Annotated[
        bool, typer.Option("--merge-base", help="compare with where HEAD and BASE parted, as a pull request does")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help=f"exit code {DIFFERENT} if a tenant changes, as `git diff` has it")
    ] = False,
    destination: Annotated[
        Path | None, typer.Option("--output", "-o", help="file to write instead of printing", show_default=False)
    ] = None,
    project: output.ProjectOption = None,
) -> None:
    """Show what becomes of each tenant between two revisions: settings, files, DNS records, resources.

    Each revision's own code computes its side, with the packages installed here; no engine, no network, no passphrase.
    A change of a template or a component shows just the tenants whose output differs. Secrets read [secret].

    Exit code 1 if a tenant cannot be computed, or a protected resource would be lost; else 0 (4 with --exit-code).

    Example: mailtenant diff origin/main
    """
    folder = output.project_dir(project)
    try:
        comparison = _compare(folder, base, head, tenants or [], merge_base=merge_base)
    except DiffError as error:
        raise output.CommandError(str(error)) from None
    form = Format.JSON if as_json else form
    if form is Format.TERMINAL and destination is None:
        print_comparison(Console(width=None if sys.stdout.isatty() else 200), comparison)
    else:
        text = to_json(comparison) if form is Format.JSON else markdown(comparison)
        if destination is None:
            typer.echo(text, nl=False)
        else:
            destination.write_text(text, encoding="utf-8")
    if comparison.problems or comparison.loses_data:
        raise typer.Exit(output.ExitCode.PROBLEM)
    if exit_code and comparison.tenants:
        raise typer.Exit(DIFFERENT)


def _compare(folder: Path, base: str, head: str | None, tenants: list[str], *, merge_base: bool) -> Comparison:
    repository = Repository(folder)
    old = repository.resolve(base)
    new = repository.resolve(head) if head else WORKING_TREE
    if merge_base:
        old = repository.merge_base(old, new)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task("looking", total=None)

        def progress(doing: str, left: int) -> None:
            known = bar.tasks[0].total
            total = left if known is None or left > known or bar.tasks[0].description != doing else known
            bar.update(task, description=doing, total=total, completed=total - left)

        return compare(repository, folder, old, new, tenants, progress)
