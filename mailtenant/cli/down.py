"""`mailtenant down` and `mailtenant purge`: take a tenant down with its mail kept, or remove it for good."""

from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from mailtenant.accounts.engine import TenantEngine
from mailtenant.cli import output
from mailtenant.draining import NodeQueues, drain_leaving
from mailtenant.fleet.leftovers import engine_client, leftovers, remove
from mailtenant.fleet.stacks import TenantStack
from mailtenant.settings import load_stack_file


def down(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Stop and remove LABEL's containers and networks. Mail, queue and database stay; `pulumi up` brings
    it back on them.

    Example: mailtenant down acme
    """
    folder = output.project_dir(project)
    settings = load_stack_file(output.stack_file(project, label)).settings
    environment = TenantEngine.of(settings).environment
    further = NodeQueues(settings, environment).there()
    # Only the first server's queue is kept: what waits in the others goes there.
    drained = drain_leaving(settings, environment, partial(typer.echo, err=as_json), stay=1)
    TenantStack(folder, label, quiet=as_json).take_down(run_program=bool(further))
    if as_json:
        output.print_json({"label": label, "down": True, "drained": [asdict(one) for one in drained]})
        return
    typer.echo(
        f"{label} is down. Its mail, queue and database are kept: `pulumi up -s {label}` brings it back on them."
    )


def purge(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    confirm: Annotated[str | None, typer.Option(help="the label again, instead of typing it when asked")] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Remove LABEL for good: containers, networks, volumes with all mail, and its state. The stack file stays.

    Asks for the label to be typed. There is no undo: export or back up first.

    Example: mailtenant purge acme
    """
    folder = output.project_dir(project)
    settings = load_stack_file(output.stack_file(project, label)).settings
    client = engine_client(settings.platform)
    found = leftovers(client, label)
    stack = TenantStack(folder, label, quiet=as_json)
    if not found and not stack.exists():
        raise output.CommandError(f"nothing of {label} is here: no container, network, volume or state")
    typer.echo(f"This deletes all mail, queued mail and accounts of {label}, for good:", err=as_json)
    for volume in found.volumes:
        typer.echo(f"  volume {volume}", err=as_json)
    typed = (
        confirm
        if confirm is not None
        else typer.prompt(f"Type the label ({label}) to go on", default="", show_default=False, err=as_json)
    )
    if typed.strip() != label:
        raise output.CommandError("the label was not typed; nothing was deleted")
    if stack.exists():
        stack.forget(purge=bool(NodeQueues(settings, TenantEngine.of(settings).environment).there()))
    remove(client, leftovers(client, label))
    remaining = leftovers(client, label)
    if remaining:
        raise output.CommandError(f"still there, remove by hand: {', '.join(remaining.volumes + remaining.containers)}")
    if as_json:
        output.print_json({"label": label, "purged": True, "removed": asdict(found)})
        return
    typer.echo(
        f"{label} is purged: nothing of it is left on the engine or in the state. Its stack file stays; "
        f"`pulumi stack select {label} --create` and `pulumi up` would make it anew, without its mail."
    )
