"""`mailtenant key`: the customers' API keys."""

import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.control import CustomerArgument, control, operator

app = typer.Typer(no_args_is_help=True, help="API keys: stored as a hash, shown once, refused as soon as revoked.")


@app.command()
def create(
    label: CustomerArgument,
    name: Annotated[str, typer.Option(help="what it is for, for people")] = "key",
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Make a key and print it. It is shown this once.

    Example: mailtenant key create acme --name "build server"
    """
    from mailtenant.control import api_keys, customers

    with control(project) as plane, plane.database.write() as session:
        row, key = api_keys.create(plane, session, customers.find(session, label), name, actor=operator())
        shown = api_keys.as_json(row)
    if as_json:
        output.print_json({**shown, "key": key})
    else:
        typer.echo(f"key {shown['id']} of {label}, shown this once:", err=True)
        typer.echo(key)


@app.command("import")
def take_over(
    label: CustomerArgument,
    name: Annotated[str, typer.Option(help="what it is for, for people")] = "from before",
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Take over a key that the customer has already, read from the first line of stdin, so that its programs go on.

    Example: mailtenant key import acme < key
    """
    from mailtenant.control import api_keys, customers

    key = sys.stdin.readline().strip()
    with control(project) as plane, plane.database.write() as session:
        row = api_keys.take_over(plane, session, customers.find(session, label), name, key, actor=operator())
        shown = api_keys.as_json(row)
    if as_json:
        output.print_json(shown)
    else:
        typer.echo(f"{label} goes on with its key, here number {shown['id']}")


@app.command("list")
def list_keys(
    label: CustomerArgument, as_json: output.JsonOption = False, project: output.ProjectOption = None
) -> None:
    """List a customer's keys by their beginnings.

    Example: mailtenant key list acme
    """
    from mailtenant.control import api_keys, customers

    with control(project) as plane, plane.database.read() as session:
        found = [api_keys.as_json(row) for row in api_keys.every(session, customers.find(session, label).id)]
    if as_json:
        output.print_json(found)
        return
    table = Table("id", "name", "begins with", "created", "revoked")
    for one in found:
        shown = (one["id"], escape(str(one["name"])), one["begins_with"], one["created"], one["revoked"] or "")
        table.add_row(*(str(part) for part in shown))
    output.print_table(table)


@app.command()
def revoke(
    label: CustomerArgument,
    number: Annotated[int, typer.Argument(help="the key's id; `key list` shows it")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Revoke a key. It is refused from the next request on.

    Example: mailtenant key revoke acme 3
    """
    from mailtenant.control import api_keys, customers

    with control(project) as plane, plane.database.write() as session:
        row = api_keys.revoke(plane, session, customers.find(session, label), number, actor=operator())
        shown = api_keys.as_json(row)
    if as_json:
        output.print_json(shown)
    else:
        typer.echo(f"key {number} of {label} is revoked")
