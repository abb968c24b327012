"""`mailtenant suspend` and `unsuspend`: no logins and no sending for a whole tenant, and back."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from mailtenant.accounts.engine import TenantEngine
from mailtenant.cli import output
from mailtenant.fleet.suspension import suspend as switch_off
from mailtenant.fleet.suspension import suspension
from mailtenant.fleet.suspension import unsuspend as switch_on
from mailtenant.settings import load_stack_file

LabelArgument = Annotated[str, typer.Argument(help="the tenant's label")]


def suspend(
    label: LabelArgument,
    reason: Annotated[str, typer.Option(help="why, for those who look later")] = "",
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Switch off every login and all sending of LABEL, and end its sessions. Mail for it is still taken in and kept.

    Stays over restarts and `pulumi up`. Run it again after mailboxes were added. Undo: mailtenant unsuspend LABEL.

    Example: mailtenant suspend acme --reason "invoice 4711"
    """
    engine = TenantEngine.of(load_stack_file(output.stack_file(project, label)).settings)
    held = switch_off(output.stacks_dir(project), engine, reason, datetime.now(UTC))
    if as_json:
        output.print_json({"label": label, "since": held.since, "mailboxes": len(held.mailboxes)})
    else:
        typer.echo(f"{label} is suspended: {len(held.mailboxes)} mailboxes cannot log in or send; mail still arrives.")


def unsuspend(
    label: LabelArgument,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Switch on again what `suspend` switched off, and only that.

    Example: mailtenant unsuspend acme
    """
    engine = TenantEngine.of(load_stack_file(output.stack_file(project, label)).settings)
    stacks = output.stacks_dir(project)
    if suspension(stacks, label) is None:
        raise output.CommandError(f"{label} is not suspended; nothing was changed")
    changed = switch_on(stacks, engine)
    if as_json:
        output.print_json({"label": label, "mailboxes": len(changed)})
    else:
        typer.echo(f"{label} is no longer suspended: {len(changed)} mailboxes can log in and send again.")
