"""`mailtenant fleet`: many tenants at once, in waves, with a stop when too much fails."""

import getpass
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.fleet_display import ProgressDisplay, print_rollout, survey_table
from mailtenant.fleet.journal import FleetError, Journal, Planned, RolloutView
from mailtenant.fleet.planning import Selection, select
from mailtenant.fleet.release import fingerprint
from mailtenant.fleet.survey import Survey, survey
from mailtenant.fleet.waves import DEFAULT_WAVES, BadWaves, parse_waves
from mailtenant.settings import SettingsErrors
from mailtenant.settings.names import ImageTag

app = typer.Typer(help="Many tenants at once, in waves: status, plan, rollout, resume, halt.", rich_markup_mode=None)

ReleaseOption = Annotated[
    str | None, typer.Option(help="set this release in the stack files, wave by wave; left out: apply what was edited")
]
WavesOption = Annotated[str, typer.Option(help="size of each wave: a number, a share of all, and last `rest`")]
CanaryOption = Annotated[list[str] | None, typer.Option("--canary", help="a label of the first wave; repeat for more")]
OnlyOption = Annotated[list[str] | None, typer.Option("--only", help="only this label; repeat for more")]
AllOption = Annotated[bool, typer.Option("--all", help="also tenants whose inputs did not change")]
ConcurrencyOption = Annotated[int, typer.Option(min=1, max=64, help="tenants at once in this process")]


@app.command("status")
def status(as_json: output.JsonOption = False, project: output.ProjectOption = None) -> None:
    """Each tenant: its release, whether it is up, whether an `up` would have something to do; and the last rollout.

    Example: mailtenant fleet status
    """
    folder = output.project_dir(project)
    found = _survey(folder)
    with _journal(folder) as journal:
        last = journal.latest()
    if as_json:
        output.print_json(
            {"tenants": [t.as_json() for t in found.tenants], "rollout": last.as_json() if last else None}
        )
    else:
        output.print_table(survey_table(found))
        if last:
            print_rollout(last)
    _tell_problems(found)


@app.command("plan")
def plan(
    release: ReleaseOption = None,
    waves: WavesOption = DEFAULT_WAVES,
    canary: CanaryOption = None,
    only: OnlyOption = None,
    everything: AllOption = False,
    preview: Annotated[bool, typer.Option("--preview", help="also ask Pulumi what each `up` would change")] = False,
    concurrency: ConcurrencyOption = 2,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Which tenants a rollout would change, in which wave, and whom it would leave out. Changes nothing.

    Exit code 1 if a stack file is not in order, or a preview fails.

    Example: mailtenant fleet plan --release 2026.12 --canary acme
    """
    folder = output.project_dir(project)
    found = _survey(folder)
    selection = _selection(found, release, waves, canary, only, everything)
    previews = _previews(folder, selection, concurrency) if preview else {}
    if as_json:
        output.print_json({
            "release": release, "waves": [list(wave) for wave in selection.waves],
            "left_out": selection.left_out, **({"previews": previews} if preview else {}),
        })  # fmt: skip
    else:
        _print_selection(found, selection, release, previews)
    _tell_problems(found)
    if failed := [label for label, one in previews.items() if "error" in one]:
        raise output.CommandError(f"no preview of {', '.join(failed)}; see why above")


@app.command("rollout")
def rollout(
    release: ReleaseOption = None,
    waves: WavesOption = DEFAULT_WAVES,
    canary: CanaryOption = None,
    only: OnlyOption = None,
    everything: AllOption = False,
    concurrency: ConcurrencyOption = 2,
    budget: Annotated[int, typer.Option(min=0, help="tenants that may fail before nothing more begins")] = 0,
    refresh: Annotated[bool, typer.Option("--refresh", help="look for drift before each `up`")] = False,
    probe: Annotated[bool, typer.Option(help="log in, send and receive after each `up`")] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Bring tenants up in waves; a tenant that is not well goes back to its release before, and a spent failure budget
    halts the rollout. Ctrl-C halts it as well: what runs ends first. `fleet resume` goes on.

    With --release the stack files are edited, one line each: commit them afterwards. Exit codes: 0 all are well,
    1 halted, something failed, or a tenant had to be left out (no `up` of it can succeed, or its engine is silent).

    Example: mailtenant fleet rollout --release 2026.12 --canary acme --concurrency 4
    """
    if as_json and not yes:
        raise typer.BadParameter("--json prints nothing but JSON and asks nothing: add --yes")
    folder = output.project_dir(project)
    found = _survey(folder)
    if found.problems:
        raise SettingsErrors(list(found.problems))
    selection = _selection(found, release, waves, canary, only, everything)
    if not selection.total:
        output.print_json({"rollout": None, "left_out": selection.left_out}) if as_json else typer.echo(
            "nothing to roll out: " + "; ".join(f"{label} {why}" for label, why in selection.left_out.items())
        )
        _tell_unreached(found, only)
        return
    if not yes:
        _print_selection(found, selection, release, {})
        typer.confirm(f"Roll out to {selection.total} tenants?", abort=True)
    releases = {tenant.label: tenant.release for tenant in found.tenants}
    planned = [
        Planned(label, number, fingerprint(_text(folder, label)), releases[label])
        for number, wave in enumerate(selection.waves)
        for label in wave
    ]
    options = {"budget": budget, "concurrency": concurrency, "refresh": refresh, "probe": probe}
    with _journal(folder) as journal:
        number = journal.begin(planned, release, options, getpass.getuser())
        _work(folder, journal, number, concurrency, as_json=as_json)
    _tell_unreached(found, only)


@app.command("resume")
def resume(
    concurrency: Annotated[int | None, typer.Option(min=1, max=64, help="tenants at once; default: as begun")] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Go on with the open rollout: after a halt (what failed is tried again), or after its process died.

    Example: mailtenant fleet resume
    """
    folder = output.project_dir(project)
    with _journal(folder) as journal:
        view = _open_rollout(journal)
        journal.reopen(view.id)
        _work(folder, journal, view.id, concurrency or int(view.options["concurrency"]), as_json=as_json)


@app.command("work")
def work(concurrency: ConcurrencyOption = 2, project: output.ProjectOption = None) -> None:
    """Be one more worker of the open rollout, until it ends. Needs a PostgreSQL journal (MAILTENANT_DATABASE_URL) and
    the same tree of stack files.

    Example: mailtenant fleet work --concurrency 4
    """
    folder = output.project_dir(project)
    with _journal(folder) as journal:
        if journal.database.sqlite:
            raise output.CommandError(
                "an SQLite journal has one worker; for several set MAILTENANT_DATABASE_URL to a PostgreSQL"
            )
        view = _open_rollout(journal)
        _work(folder, journal, view.id, concurrency, as_json=False)


@app.command("halt")
def halt(
    reason: Annotated[str, typer.Option(help="why, for `status`")] = "halted by hand",
    end: Annotated[bool, typer.Option("--end", help="for good: it can not be resumed")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Let nothing more begin; tenants that are being changed go on to their end. Files and stacks stay as they are.

    Example: mailtenant fleet halt --reason "customer calls"
    """
    folder = output.project_dir(project)
    with _journal(folder) as journal:
        view = _open_rollout(journal)
        journal.halt(view.id, reason, end=end)
        running = [run.label for run in view.runs if run.state == "running"]
    if as_json:
        output.print_json({"rollout": view.id, "state": "ended" if end else "halted", "running": running})
        return
    more = f"; still at work: {', '.join(running)}" if running else ""
    typer.echo(f"rollout {view.id} is {'ended' if end else 'halted'}{more}")


def _text(folder: Path, label: str) -> str:
    return (folder / "stacks" / f"Pulumi.{label}.yaml").read_text(encoding="utf-8")


def _work(folder: Path, journal: Journal, number: int, concurrency: int, *, as_json: bool) -> None:
    from mailtenant.fleet.inputs import code_hash
    from mailtenant.fleet.means import RealMeans
    from mailtenant.fleet.stack_pool import StackPool
    from mailtenant.fleet.worker import begin, worker

    view = journal.view(number)
    display = ProgressDisplay(quiet=as_json)
    url = journal.database.url.render_as_string(hide_password=False)
    refresh, probe = bool(view.options.get("refresh")), bool(view.options.get("probe", True))

    try:
        with ExitStack() as opened:
            pool = opened.enter_context(StackPool(folder, concurrency, limits_url=url, tell=display.tell))
            means = RealMeans(folder, pool, code_hash(folder), refresh=refresh, probe=probe, tell=display.tell)
            me = opened.enter_context(worker(journal.database, means, concurrency=concurrency))
            opened.enter_context(display)
            begin(me, number)
            while True:
                try:
                    view = me.follow(number, display.show)
                    break
                except KeyboardInterrupt:
                    if me.journal.view(number).state != "running":
                        raise
                    journal.halt(number, "interrupted")
    except FleetError as error:
        raise output.CommandError(str(error)) from None
    output.print_json(view.as_json()) if as_json else print_rollout(view)
    if view.state != "done" or view.count("failed", "reverted"):
        raise typer.Exit(output.ExitCode.PROBLEM)


def _survey(folder: Path) -> Survey:
    console = Console(stderr=True)
    if not console.is_terminal:
        return survey(folder)
    with console.status("reading stacks") as shown:
        return survey(folder, lambda done, of: shown.update(f"reading stacks: {done} of {of}"))


def _selection(
    found: Survey, release: str | None, waves: str, canary: list[str] | None, only: list[str] | None, everything: bool
) -> Selection:
    try:
        if release is not None:
            TypeAdapter(ImageTag).validate_python(release)
        if strangers := set(only or ()) - {tenant.label for tenant in found.tenants}:
            raise BadWaves(f"no tenant is called {', '.join(sorted(strangers))}")
        return select(
            found.tenants, parse_waves(waves), release=release, canaries=canary or (), only=only or (),
            everything=everything,
        )  # fmt: skip
    except BadWaves as error:
        raise output.CommandError(str(error)) from None
    except ValidationError:
        raise output.CommandError(
            "the release is not an image tag: letters, digits, `.`, `_`, `-`, as 2026.12"
        ) from None


def _previews(folder: Path, selection: Selection, concurrency: int) -> dict[str, Any]:
    from mailtenant.fleet.previews import preview_all

    labels = [label for wave in selection.waves for label in wave]
    return preview_all(folder, labels, concurrency)


def _print_selection(found: Survey, selection: Selection, release: str | None, previews: dict[str, Any]) -> None:
    table = Table(box=None, padding=(0, 1))
    for heading in ("wave", "tenant", "release", "would change"):
        table.add_column(heading)
    releases = {tenant.label: tenant.release for tenant in found.tenants}
    for number, wave in enumerate(selection.waves, start=1):
        for label in wave:
            shown = releases[label] if release in (None, releases[label]) else f"{releases[label]} → {release}"
            table.add_row(str(number), label, shown, str(previews.get(label, "")))
    output.print_table(table)
    for label, why in selection.left_out.items():
        typer.echo(f"  {label}: left out, {why}")


def _tell_problems(found: Survey) -> None:
    if found.problems:
        raise SettingsErrors(list(found.problems))


def _tell_unreached(found: Survey, only: list[str] | None) -> None:
    """Raises: CommandError, where a tenant should have been rolled and could not be: that is not all well."""
    lost = [one.label for one in found.tenants if one.refused or one.state == "unknown"]
    if lost := [label for label in lost if not only or label in only]:
        raise output.CommandError(f"left out although they were to be rolled: {', '.join(lost)}; see why above")


def _open_rollout(journal: Journal) -> RolloutView:
    view = journal.latest()
    if view is None or view.state not in ("running", "halted"):
        raise output.CommandError("no rollout is open; `mailtenant fleet rollout` begins one")
    return view


@contextmanager
def _journal(folder: Path) -> Iterator[Journal]:
    from mailtenant.control.errors import Misconfigured
    from mailtenant.fleet.worker import open_database

    try:
        database = open_database(folder)
    except Misconfigured as error:
        raise output.EnvironmentProblem(str(error)) from None
    try:
        yield Journal(database)
    except FleetError as error:
        raise output.CommandError(str(error)) from None
    finally:
        database.close()
