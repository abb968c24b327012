"""`mailtenant alias`: aliases and catch-all addresses of a running tenant."""

from typing import Annotated

import typer
from rich.table import Table

from mailtenant.accounts.address import parse_address, parse_alias_address
from mailtenant.accounts.left_over import leading_nowhere
from mailtenant.accounts.model import Alias
from mailtenant.accounts.store import AccountStore
from mailtenant.cli import output
from mailtenant.cli.account_options import LabelArgument, tenant_engine

app = typer.Typer(no_args_is_help=True)

AliasArgument = Annotated[
    str, typer.Argument(help="the alias, for example sales@acme.test; @acme.test is the catch-all")
]


@app.command()
def add(
    label: LabelArgument,
    alias: AliasArgument,
    destinations: Annotated[list[str], typer.Argument(help="where its mail goes: one address or more")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Add destinations to an alias; it is made if it is new. Mailboxes that it leads to may send under its name.

    Refused if its mail would go in a circle, or to more addresses than Postfix goes to (1000).

    Example: mailtenant alias add acme sales@acme.test jo@acme.test ann@acme.test
    """
    address = parse_alias_address(alias)
    # The order typed, each once.
    targets = list(dict.fromkeys(parse_address(destination) for destination in destinations))
    with AccountStore(tenant_engine(project, label)) as store:
        store.add_alias(address, targets)
    if as_json:
        output.print_json([_as_json(Alias(address, target)) for target in targets])
    else:
        typer.echo(f"{address} leads to {', '.join(targets)}.")


@app.command("list")
def list_aliases(
    label: LabelArgument, as_json: output.JsonOption = False, project: output.ProjectOption = None
) -> None:
    """List aliases and where they lead, those included that every domain has by itself.

    Example: mailtenant alias list acme
    """
    with AccountStore(tenant_engine(project, label)) as store:
        aliases = store.aliases()
    if as_json:
        output.print_json([_as_json(alias) for alias in aliases])
        return
    table = Table("alias", "leads to", "")
    for alias in aliases:
        table.add_row(alias.address, alias.destination, "built-in" if alias.builtin else "")
    output.print_table(table)


@app.command()
def remove(
    label: LabelArgument,
    alias: AliasArgument,
    destination: Annotated[str | None, typer.Argument(help="just this destination; left out: the whole alias")] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Remove an alias, or one of its destinations. Aliases that lead nowhere then are named: their mail is refused.

    Example: mailtenant alias remove acme sales@acme.test ann@acme.test
    """
    address = parse_alias_address(alias)
    with AccountStore(tenant_engine(project, label)) as store:
        removed = store.remove_alias(address, None if destination is None else parse_address(destination))
        mailboxes = [mailbox.address for mailbox in store.mailboxes()]
        left = leading_nowhere(address.rpartition("@")[2], store.aliases(), mailboxes)
    if as_json:
        nowhere = [{"address": alias.address, "destination": alias.destination} for alias in left]
        output.print_json([_as_json(alias) | {"leading_nowhere": nowhere} for alias in removed])
        return
    typer.echo(f"{address} no longer leads to {', '.join(alias.destination for alias in removed)}.")
    for one in left:
        typer.echo(
            f"{one.address} leads nowhere now: {one.destination} has neither a mailbox nor an alias. "
            f"mailtenant alias remove {label} {one.address} {one.destination}, or add it elsewhere"
        )


def _as_json(alias: Alias) -> dict[str, object]:
    return {"address": alias.address, "destination": alias.destination, "builtin": alias.builtin}
