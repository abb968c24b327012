"""`mailtenant validate`: stack files judged without Pulumi, network or secrets; with `--live`, against what is in use."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from mailtenant.certificates import chain_period
from mailtenant.cli import output
from mailtenant.settings import Problem, SettingsErrors, StackFile, check_fleet, load_fleet, load_stack_file
from mailtenant.settings.demo import demo_problem


def validate(
    files: Annotated[
        list[Path] | None, typer.Argument(help="stack files; none: all of stacks/", show_default=False)
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="compare with the running tenants: nothing below what is in use")
    ] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Check stack files: every problem at once, each with its path, line and fix. Values are never shown.

    Rules over the whole fleet (one owner for each label, domain, address and network) take the other files of the folder in.
    Exit code 1 if there is a problem.

    Example: mailtenant validate stacks/Pulumi.acme.yaml
    """
    if files:
        judged, problems = _named(files)
    else:
        judged, problems = load_fleet(output.stacks_dir(project), output.shown_path)
        problems += check_fleet(judged)
        if not judged and not problems:
            raise output.CommandError("there is no stack file in stacks/; `mailtenant new` writes one")
    problems += certificate_problems(judged, datetime.now(UTC))
    problems += _published_passphrases(judged)
    if live:
        from mailtenant.cli.live import live_problems

        problems += live_problems(judged)
    _report(judged, problems, live=live, as_json=as_json)


def _named(files: Sequence[Path]) -> tuple[list[StackFile], list[Problem]]:
    """The named files, with their neighbours for the rules over the fleet: only problems of the named ones count."""
    judged: list[StackFile] = []
    problems: list[Problem] = []
    for path in dict.fromkeys(files):
        try:
            judged.append(load_stack_file(path, output.shown_path(path)))
        except SettingsErrors as error:
            problems += error.problems
    named = {path.resolve() for path in files}
    folders = dict.fromkeys(path.resolve().parent for path in files)
    neighbours = [
        other
        for folder in folders
        for other in load_fleet(folder, output.shown_path)[0]
        if other.path.resolve() not in named
    ]
    shown = {stack_file.file for stack_file in judged}
    return judged, problems + [p for p in check_fleet([*neighbours, *judged]) if p.file in shown]


def certificate_problems(stack_files: Sequence[StackFile], now: datetime) -> list[Problem]:
    """Certificates that are not valid at `now`."""
    return [problem for stack_file in stack_files for problem in _certificate(stack_file, now)]


def _certificate(stack_file: StackFile, now: datetime) -> Iterator[Problem]:
    tls = stack_file.settings.tls
    start, end = chain_period(tls.chain, tls.ca)
    if now < start - timedelta(minutes=5):
        yield stack_file.problem(
            ("tls", "chain"), f"is valid from {start:%Y-%m-%d} only", "look at this machine's clock"
        )
    elif now >= end:
        yield stack_file.problem(("tls", "chain"), f"expired on {end:%Y-%m-%d}", "put a new certificate and its key in")


def _published_passphrases(stack_files: Sequence[StackFile]) -> list[Problem]:
    """Key derivation takes a third of a second a file that is not for `.test`; threads run it on all processors."""
    with ThreadPoolExecutor() as pool:
        return [problem for problem in pool.map(demo_problem, stack_files) if problem]


def _report(judged: Sequence[StackFile], problems: Sequence[Problem], *, live: bool, as_json: bool) -> None:
    error = SettingsErrors(sorted(problems, key=lambda p: (p.file, p.line or 0)))
    if as_json:
        output.print_json(
            {
                "ok": not problems,
                "tenants": [s.settings.label for s in judged],
                "problems": output.problems_as_json(error),
            }
        )
    elif problems:
        raise error
    else:
        names = ", ".join(s.settings.label for s in judged[:10]) + (", …" if len(judged) > 10 else "")
        typer.echo(f"{len(judged)} stack file{'s' if len(judged) > 1 else ''} in order: {names}")
        if not live:
            typer.echo("not checked: whether less is set than is in use (--live, with the tenant running)")
    if problems:
        raise typer.Exit(output.ExitCode.PROBLEM)
