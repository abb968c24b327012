"""`mailtenant validate`: stack files judged offline and without secrets; with `--live`, against what is in use."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from mailtenant.certificates import chain_period
from mailtenant.cli import output
from mailtenant.settings import (
    Problem,
    SettingsErrors,
    StackFile,
    check_copies,
    check_fleet,
    load_fleet,
    load_stack_file,
)
from mailtenant.settings.demo import demo_problem
from mailtenant.settings.live import edge_problems, host_problems, live_problems


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

    Rules over the fleet (one owner for each domain, address, network and key) look at the folder's other files, too.
    A named file that is not for .test domains is tried with the demo's published passphrase (a third of a second each).

    Exit code 1 if there is a problem, 3 if --live finds a tenant not running.

    Example: mailtenant validate stacks/Pulumi.acme.yaml
    """
    if files:
        judged, problems = _named(files)
        problems += _published_passphrases(judged)
    else:
        judged, problems = load_fleet(output.stacks_dir(project), output.shown_path)
        problems += [*check_fleet(judged), *check_copies(judged)]
        if not judged and not problems:
            raise output.CommandError("there is no stack file in stacks/; `mailtenant new` writes one")
    problems += certificate_problems(judged, datetime.now(UTC))
    unreachable: dict[str, str] = {}
    if live:
        for stack_file in judged:
            problems += _live(stack_file, unreachable)
    _report(judged, problems, None if not live else unreachable, as_json=as_json)


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
    fleet = [*neighbours, *judged]
    return judged, problems + [p for p in (*check_fleet(fleet), *check_copies(fleet)) if p.file in shown]


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


def _live(stack_file: StackFile, unreachable: dict[str, str]) -> list[Problem]:
    """Compares with the tenant's own database; a tenant that does not answer is noted."""
    # Imported here: a file alone is judged without a database driver.
    from mailtenant.accounts.errors import AccountsUnavailable
    from mailtenant.accounts.in_use import in_use

    problems = _host(stack_file, unreachable)  # also for a tenant that is not up yet
    try:
        problems += live_problems(stack_file, in_use(stack_file.settings))
    except AccountsUnavailable as error:
        unreachable[stack_file.settings.label] = str(error)
    return problems


def _host(stack_file: StackFile, unreachable: dict[str, str]) -> list[Problem]:
    """Compares what the tenant reserves with the memory of its host, and its IPv6 addresses with the network there."""
    from mailtenant.accounts.engine import TenantEngine
    from mailtenant.edge_network import edge_network_of
    from mailtenant.host_capacity import HostUnknown, host_of, reserved_mib

    settings = stack_file.settings
    found: list[Problem] = []
    try:
        environment = TenantEngine.of(settings).environment
        host = host_of(settings, environment)
        if settings.edge.address6 is not None:
            network = edge_network_of(settings, environment)
            found += edge_problems(stack_file, network.ipv6, network.subnets6)
    except HostUnknown as error:
        unreachable[settings.label] = f"its engine does not answer: {error}"
        return []
    return [*found, *host_problems(stack_file, reserved_mib(settings), host.others_mib, host.total_mib)]


def _report(
    judged: Sequence[StackFile], problems: Sequence[Problem], unreachable: Mapping[str, str] | None, *, as_json: bool
) -> None:
    """`unreachable` None: use was not asked for."""
    error = SettingsErrors(sorted(problems, key=lambda p: (p.file, p.line or 0)))
    labels = [stack_file.settings.label for stack_file in judged]
    unchecked = labels if unreachable is None else list(unreachable)
    if as_json:
        found = output.problems_as_json(error)
        output.print_json({"ok": not problems, "tenants": labels, "problems": found, "use_not_checked": unchecked})
    elif problems:
        output.print_error(error)
    else:
        names = ", ".join(labels[:10]) + (", …" if len(labels) > 10 else "")
        typer.echo(f"{len(labels)} stack file{'s' if len(labels) > 1 else ''} in order: {names}")
        if unreachable is None:
            typer.echo("not checked: whether less is set than is in use (--live, with the tenant running)")
    for label, reason in (unreachable or {}).items():
        typer.echo(f"not checked: what {label} uses: {reason}", err=True)
    if problems:
        raise typer.Exit(output.ExitCode.PROBLEM)
    if unreachable:
        raise typer.Exit(output.ExitCode.ENVIRONMENT)
