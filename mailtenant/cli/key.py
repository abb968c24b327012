"""`mailtenant key`: the customers' API keys."""

import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.control import CustomerArgument, control, operator

app = typer.Typer(
    no_args_is_help=True, help="API keys: stored as a hash, shown once, refused as soon as revoked or expired."
)

ExpiresOption = Annotated[
    str | None,
    typer.Option(help="refused after so many days (90), or from a day on (2027-01-31, 00:00 UTC); default: never"),
]


@app.command()
def create(
    label: CustomerArgument,
    name: Annotated[str, typer.Option(help="what it is for, for people")] = "key",
    expires: ExpiresOption = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Make a key and print it. It is shown this once.

    Example: mailtenant key create acme --name "build server" --expires 90
    """
    from mailtenant.control import api_keys, customers

    with control(project) as plane, plane.database.write() as session:
        tenant = customers.find(session, label)
        row, key = api_keys.create(plane, session, tenant, name, actor=operator(), expires=expires)
        shown = api_keys.as_json(row)
    if as_json:
        output.print_json({**shown, "key": key})
    else:
        until = f", good until {shown['expires']}" if shown["expires"] else ""
        typer.echo(f"key {shown['id']} of {label}{until}, shown this once:", err=True)
        typer.echo(key)


@app.command("import")
def take_over(
    label: CustomerArgument,
    name: Annotated[str, typer.Option(help="what it is for, for people")] = "from before",
    expires: ExpiresOption = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Take over a key that the customer has already, read from the first line of stdin, so that its programs go on.

    Example: mailtenant key import acme < key
    """
    from mailtenant.control import api_keys, customers

    key = sys.stdin.readline().strip()
    with control(project) as plane, plane.database.write() as session:
        tenant = customers.find(session, label)
        row = api_keys.take_over(plane, session, tenant, name, key, actor=operator(), expires=expires)
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
        rows = api_keys.every(session, customers.find(session, label).id)
        expired = {row.id for row in rows if row.expires_at is not None and row.expires_at <= plane.now()}
        found = [{**api_keys.as_json(row), "expired": row.id in expired} for row in rows]
    if as_json:
        output.print_json(found)
        return
    table = Table("id", "name", "begins with", "created", "expires", "revoked")
    for one in found:
        expires = f"{one['expires']} (expired)" if one["expired"] else one["expires"]
        shown = (one["id"], escape(str(one["name"])), one["begins_with"], one["created"], expires, one["revoked"])
        table.add_row(*("" if part is None else str(part) for part in shown))
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
