"""What every command shares: where the project is, how errors, tables and JSON are printed, which exit code says what.

Exit codes: 0 ok; 1 a problem was found, or the command was refused; 2 the command was typed wrong; 3 the machine lacks
something (no Docker, no Pulumi, no passphrase, no project).
"""

import json
import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.markup import escape

from mailtenant.settings.errors import SettingsErrors

INSTALLED_TREE = Path(__file__).resolve().parents[2]


class ExitCode(IntEnum):
    """What a command's exit code means."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    ENVIRONMENT = 3


class CommandError(Exception):
    """A command ends here: one line that says what and the fix."""

    exit_code = ExitCode.PROBLEM


class EnvironmentProblem(CommandError):
    """The machine lacks something that the command needs."""

    exit_code = ExitCode.ENVIRONMENT


ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        envvar="MAILTENANT_PROJECT",
        help="folder with Pulumi.yaml and stacks/; default: the one around the current folder, else the installed tree",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON for programs")]


def project_dir(project: Path | None = None) -> Path:
    """The Pulumi project: as named, else found from the current folder upwards, else the tree this is installed from.

    Raises: EnvironmentProblem
    """
    if project is not None:
        if not (project / "Pulumi.yaml").is_file():
            raise EnvironmentProblem(f"{project} holds no Pulumi.yaml; name the folder of the mailtenant project")
        return project.resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file() and (folder / "stacks").is_dir():
            return folder
    if (INSTALLED_TREE / "Pulumi.yaml").is_file():
        return INSTALLED_TREE
    raise EnvironmentProblem("no mailtenant project here: go to its folder, or name it with --project")


def stacks_dir(project: Path | None = None) -> Path:
    """The folder of the stack files."""
    return project_dir(project) / "stacks"


def stack_file(project: Path | None, label: str) -> Path:
    """The stack file of a tenant.

    Raises: CommandError, if there is none.
    """
    folder = stacks_dir(project)
    path = folder / f"Pulumi.{label}.yaml"
    # A label with a slash would lead elsewhere.
    if path.parent != folder or not path.is_file():
        known = ", ".join(sorted(p.name[7:-5] for p in folder.glob("Pulumi.*.yaml"))) or "none"
        raise CommandError(
            f"no tenant of that label in {shown_path(folder)} (there: {known}); `mailtenant new` makes one"
        )
    return path


def shown_path(path: Path) -> str:
    """A path as people want to read it: relative to the current folder where it is below that."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def print_table(table: RenderableType) -> None:
    """A rich table (or anything else that rich prints) on stdout; full width when that is not a terminal."""
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(table)


def print_json(value: Any) -> None:
    """JSON on stdout, keys in the order given; ASCII with escapes where stdout could not hold every sign."""
    escaped = (sys.stdout.encoding or "").lower() != "utf-8"
    typer.echo(json.dumps(value, indent=2, ensure_ascii=escaped, default=str))


def print_error(error: BaseException) -> None:
    """The error on stderr, as text or with the file names in colour on a terminal."""
    if isinstance(error, SettingsErrors):
        _print_problems(error)
    else:
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        console.print(f"[bold red]error:[/] {escape(str(error))}")


def _print_problems(error: SettingsErrors) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False, no_color="NO_COLOR" in os.environ)
    for line in str(error).splitlines():
        console.print(escape(line) if line.startswith(" ") else f"[bold]{escape(line)}[/]")


def problems_as_json(error: SettingsErrors) -> list[dict[str, object]]:
    """Each problem as file, line, path, message, fix."""
    return [
        {"file": p.file, "line": p.line, "path": p.path, "message": p.message, "fix": p.fix} for p in error.problems
    ]
