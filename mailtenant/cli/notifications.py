"""`mailtenant notifications`: the outbox: what was said to customers, what waits, what could not be delivered."""

import os
import socket
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.control import control

app = typer.Typer(no_args_is_help=True, help="Messages to customers. `serve` sends them by itself.")


@app.command("list")
def list_messages(
    label: Annotated[str | None, typer.Argument(help="only this customer's")] = None,
    unsent: Annotated[bool, typer.Option("--unsent", help="only what waits or was given up")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """List messages, the newest first. Exits with 1 if one was given up.

    Example: mailtenant notifications list --unsent
    """
    from mailtenant.control import customers, outbox

    with control(project) as plane, plane.database.read() as session:
        tenant_id = customers.find(session, label).id if label else None
        found = [
            {
                "id": row.id, "customer": row.facts.get("label"), "kind": row.kind, "channel": row.channel,
                "recipient": row.recipient, "state": row.state, "attempts": row.attempts, "error": row.error,
                "created": row.created_at.isoformat(), "sent": row.sent_at.isoformat() if row.sent_at else None,
            }
            for row in outbox.listing(session, tenant_id, unsent=unsent)
        ]  # fmt: skip
    if as_json:
        output.print_json(found)
    else:
        table = Table("id", "customer", "kind", "to", "state", "attempts", "why")
        for one in found:
            cells = (one["id"], one["customer"], one["kind"], one["recipient"], one["state"], one["attempts"])
            table.add_row(*(escape(str(cell)) for cell in cells), escape(str(one["error"] or "")))
        output.print_table(table)
    if any(one["state"] == outbox.DEAD for one in found):
        raise typer.Exit(output.ExitCode.PROBLEM)


@app.command()
def send(as_json: output.JsonOption = False, project: output.ProjectOption = None) -> None:
    """Send what is due now, and end. Exits with 1 if something of it could not be sent.

    Example: mailtenant notifications send
    """
    from mailtenant.control.channels import channels
    from mailtenant.control.sender import Sender

    with control(project) as plane:
        owner = f"cli-{socket.gethostname()[:60]}-{os.getpid()}"
        sender, tried = Sender(plane, channels(plane), owner), 0
        while count := sender.round():
            tried += count
            typer.echo(f"{tried} tried", err=True)
        with plane.database.read() as session:
            from mailtenant.control import outbox

            left = [row for row in outbox.listing(session, unsent=True) if row.error]
            waiting = [{"id": row.id, "state": row.state, "error": row.error} for row in left]
    if as_json:
        output.print_json({"tried": tried, "failed": waiting})
    else:
        typer.echo(f"{tried} tried, {len(waiting)} could not be sent")
    if waiting:
        raise typer.Exit(output.ExitCode.PROBLEM)


@app.command()
def retry(
    number: Annotated[int, typer.Argument(help="the message's id")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Give a message that was given up another round of attempts.

    Example: mailtenant notifications retry 17
    """
    from mailtenant.control import outbox

    with control(project) as plane, plane.database.write() as session:
        row = outbox.revive(plane, session, number)
        shown = {"id": row.id, "state": row.state}
    if as_json:
        output.print_json(shown)
    else:
        typer.echo(f"message {number} waits again")
