"""`mailtenant watch`: one look at tenants that serve, for people and for cron; the worker does the same by itself."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import docker.errors
import typer
from rich.markup import escape
from rich.table import Table

from mailtenant.cli import dns_verify, output
from mailtenant.cli.control import control
from mailtenant.control.alerts import Kind, Problem
from mailtenant.control.plane import ControlPlane
from mailtenant.fleet.leftovers import TENANT_LABEL, engine_client
from mailtenant.fleet.means import release_images
from mailtenant.settings import TenantSettings, load_fleet
from mailtenant.watch import rules
from mailtenant.watch.asking import Looked, Questions
from mailtenant.watch.rounds import Turn, Watch, settle_workers
from mailtenant.watch.settings import WatchSettings
from mailtenant.workflow.real.moves import PlaceSettings
from mailtenant.workflow.real.stack import PulumiStack


def watch(
    labels: Annotated[list[str] | None, typer.Argument(metavar="LABEL", help="default: every one that serves")] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Look once at tenants that serve: days left of their certificates, DNS, containers, the check. What is new becomes
    an alert, and so does its end (`mailtenant alerts list`, docs/alerts.md). `migrate run` does the same every hour by
    itself. Exits with 1 if there is a problem.

    Example: mailtenant watch --json
    """
    folder = output.project_dir(project)
    for label in labels or ():
        output.stack_file(project, label)  # refuses what is no tenant
    with control(project) as plane:
        made = watch_of(plane, folder)
        turns, left = made.named(labels) if labels else (made.turns(), {})
        found = made.round(turns)
        general = settle_workers(plane)
        if not labels:
            made.forget(turns)
    if as_json:
        output.print_json(
            {
                "tenants": [one.as_json() for one in found],
                "on_their_way": dict(left),
                "general": [{"kind": one.kind.value, "what": one.what, "fix": one.fix} for one in general],
            }
        )
    else:
        _print(found, left, general)
    if general or any(one.problems for one in found):
        raise typer.Exit(output.ExitCode.PROBLEM)


def watch_of(plane: ControlPlane, folder: Path) -> Watch:
    """The watch over the real tenants of a project. Raises: Misconfigured"""
    settings, places = WatchSettings.from_environment(), PlaceSettings.from_environment()

    def there() -> Sequence[str]:
        files, _ = load_fleet(folder / "stacks")
        found = {platform: _labels(platform) for platform in {file.settings.platform for file in files}}
        labels = [(file.settings.label, found[file.settings.platform]) for file in files]
        # An engine that does not answer is a problem, not a reason to look away.
        return [label for label, known in labels if known is None or label in known]

    return Watch(
        plane, folder / "stacks", settings, there,
        lambda turn: questions(folder, turn, settings.certificate_days, places.echo or None),
    )  # fmt: skip


def questions(folder: Path, turn: Turn, fewest: int, echo: str | None) -> Questions:
    """Asked of the real systems; the stack file is read anew for each."""
    label, stack = turn.tenant, PulumiStack(folder, turn.tenant, echo)

    def days() -> Mapping[str, int]:
        return rules.certificate_days(stack.file().settings, datetime.now(UTC))

    def drift() -> Sequence[Problem]:
        settings = stack.file().settings
        return rules.drifted(settings, _containers(settings), release_images(settings.platform, settings.release))

    return Questions(
        ask={
            Kind.CERTIFICATE: lambda: rules.ending(label, days(), fewest),
            Kind.DRIFT: drift,
            Kind.DNS: lambda: rules.published(label, dns_verify.published(folder, stack.file())),
            Kind.CHECK: lambda: rules.checked(label, stack.reach() if turn.gentle else stack.check(echo)),
        },
        facts=lambda: {"certificate_days": dict(days())},
    )


def _labels(platform: str) -> set[str] | None:
    """Tenants that have containers on an engine, stopped ones as well: a machine that went down is no tenant that was
    taken down. None: it does not answer."""
    try:
        client = engine_client(platform)
        listed: list[dict[str, Any]] = client.api.containers(all=True, filters={"label": TENANT_LABEL})
        client.close()
    except docker.errors.DockerException:
        return None
    return {one["Labels"][TENANT_LABEL] for one in listed}


def _containers(settings: TenantSettings) -> list[rules.Container]:
    client = engine_client(settings.platform)
    try:
        listed: list[dict[str, Any]] = client.api.containers(
            all=True, filters={"label": f"{TENANT_LABEL}={settings.label}"}
        )
    except docker.errors.APIError as error:
        raise OSError(f"the engine refused: {error.explanation}") from None
    finally:
        client.close()
    return [
        rules.Container(str(one["Names"][0]).lstrip("/"), one["State"], one["Status"], one["ImageID"]) for one in listed
    ]


def _print(found: Sequence[Looked], left: Mapping[str, str], general: Sequence[Problem]) -> None:
    table = Table("", "tenant", "certificates", "problem", "found", "fix")
    for one in found:
        days = ", ".join(f"{name} {count} d" for name, count in one.facts.get("certificate_days", {}).items())
        if not one.problems:
            table.add_row("✓", one.tenant, days)
        for problem in one.problems:
            name = f"{problem.kind.value} {problem.subject}".strip()
            table.add_row("✗", one.tenant, days, name, escape(problem.what), escape(problem.fix))
    for problem in general:
        table.add_row("✗", "", "", problem.kind.value, escape(problem.what), escape(problem.fix))
    output.print_table(table)
    for label, state in left.items():
        typer.echo(f"{label} is on its way ({state}): mailtenant migrate status {label}")
    wrong = sum(bool(one.problems) for one in found)
    told = sum(len(one.new) for one in found), sum(len(one.over) for one in found)
    typer.echo(f"{len(found)} tenants, {wrong} with problems; {told[0]} new alerts, {told[1]} over")
