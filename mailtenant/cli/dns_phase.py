"""`mailtenant dns phase`: one step on, or any way back, by an edit of the stack file."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from mailtenant.cli import output
from mailtenant.cli.dns_plan import known_phase
from mailtenant.cli.dns_servers import ResolverOption, live_spf
from mailtenant.cli.stack_edit import edit_config, only_editor
from mailtenant.dns.findings import PlanRefused
from mailtenant.dns.planner import plan
from mailtenant.dns.wait import wait_before
from mailtenant.fleet.stack_config import phase_since
from mailtenant.settings import load_stack_file
from mailtenant.settings.existing import PHASES
from mailtenant.settings.stackfile import DNS_PHASE


def phase(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    wanted: Annotated[str, typer.Argument(metavar="PHASE", help="adopted, additive, cutover or settled")],
    now: Annotated[bool, typer.Option("--now", help="do not wait for old TTLs: some mail goes the old way")] = False,
    resolvers: ResolverOption = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Set the DNS phase of LABEL: one step on, refused until old TTLs have passed, or back to any earlier one.
    `pulumi preview` then shows the change, `pulumi up` makes it.

    Example: mailtenant dns phase acme additive
    """
    path = output.stack_file(project, label)
    folder = output.project_dir(project)
    with only_editor(path.parent):
        stack_file = load_stack_file(path, output.shown_path(path))
        target, current = known_phase(wanted), stack_file.dns_phase
        assert target is not None  # noqa: S101 - known_phase has refused anything else
        if target == current:
            raise output.CommandError(f"{label} is in the phase `{current}` already")
        step = PHASES.index(target) - PHASES.index(current)
        if step > 1:
            following = PHASES[PHASES.index(current) + 1]
            raise output.CommandError(f"`{target}` is {step} steps on from `{current}`: the next one is `{following}`")
        # Only a step on can spend more SPF lookups than before; the way back must not hang on anybody's answer.
        resolver = live_spf(stack_file, resolvers) if step > 0 else None
        made = plan(stack_file.settings, stack_file.existing, target, resolver)
        if made.refused:
            raise output.CommandError(str(PlanRefused(made.findings)))
        wait = wait_before(stack_file.settings, stack_file.existing, current, target)
        if step == 1 and wait.length and not now:
            since = phase_since(folder, label, current)
            if since is None:
                raise output.CommandError(f"`{current}` is not up yet: run `pulumi up -s {label}`, wait {wait.length}")
            left = since + wait.length - datetime.now(UTC)
            if left.total_seconds() > 0:
                until = (since + wait.length).strftime("%Y-%m-%d %H:%M UTC")
                raise output.CommandError(f"wait until {until}: {wait.reason}. `--now` goes on without")
        edit_config(folder, path, lambda config: config.__setitem__(DNS_PHASE, target))
    if as_json:
        output.print_json({"label": label, "file": output.shown_path(path), "before": current, "phase": target})
        return
    typer.echo(
        f"{output.shown_path(path)}: {current} → {target}. Next: pulumi preview -s {label}; pulumi up -s {label}"
    )
