"""`mailtenant customer ask-contact`, `prove-contact` and `checklist`: what must be green before a move."""

from typing import Annotated, Any

import typer

from mailtenant.cli import output
from mailtenant.cli.control import CustomerArgument, control, operator
from mailtenant.cli.customer_view import shown_of


def ask_contact(
    label: CustomerArgument,
    email: Annotated[str, typer.Argument(help="one of the customer's contacts")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Write to a contact and ask for an answer with a code, which proves that somebody reads what we announce.

    Example: mailtenant customer ask-contact acme ann@acme.com
    """
    from mailtenant.control import customers, proofs

    with control(project) as plane, plane.database.write() as session:
        found = proofs.ask_contact(plane, session, customers.find(session, label), email, actor=operator())
        asked = found.email
    if as_json:
        output.print_json({"label": label, "asked": asked})
    else:
        typer.echo(f"{asked} is asked; when the code comes back: mailtenant customer prove-contact {label} --code CODE")


def prove_contact(
    label: CustomerArgument,
    code: Annotated[str, typer.Option(help="the code that came back")] = "",
    email: Annotated[str, typer.Option(help="with --receipt: which contact")] = "",
    receipt: Annotated[str, typer.Option(help="reached in another way: how, and what shows it")] = "",
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Note that a contact has answered: by the code of our mail, or in another way. The checklist's `contact` turns
    green.

    Example: mailtenant customer prove-contact acme --code 7KQ2MXW4ZP
    """
    from mailtenant.control import customers, proofs

    if bool(code) == bool(email and receipt) or (code and (email or receipt)):
        raise output.CommandError("give either --code, or --email and --receipt")
    with control(project) as plane, plane.database.write() as session:
        tenant = customers.find(session, label, lock=True)
        if code:
            proofs.answered(plane, session, tenant, code, by=operator(), actor=operator())
        else:
            proofs.receipt(plane, session, tenant, email, receipt, actor=operator())
        session.flush()
        shown = shown_of(plane, session, tenant)
    _print_checklist(shown, as_json)


def checklist(
    label: CustomerArgument,
    item: Annotated[str, typer.Argument(help="dns, team, systems, usage or contact")],
    by: Annotated[str, typer.Option(help="who said or proved it")],
    note: Annotated[str, typer.Option(help="on what grounds")] = "",
    red: Annotated[bool, typer.Option("--red", help="take it back")] = False,
    size: Annotated[str | None, typer.Option(help="usage: another size than proposed: small, medium, large")] = None,
    mailboxes: Annotated[int | None, typer.Option(help="usage: another number than proposed")] = None,
    storage_gib: Annotated[int | None, typer.Option(help="usage: another storage than proposed")] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Turn an item of the preparation checklist green, or red again. `dns` and `contact` want a proof first: keys that
    read their zones (`migrate preflight`), a contact that has answered (`customer ask-contact`).

    Example: mailtenant customer checklist acme dns --by "Jo Doe" --note "enters the records by hand"
    """
    from mailtenant.control import customers, proofs
    from mailtenant.migration.evidence import Item

    try:
        wanted = Item(item)
    except ValueError:
        known = ", ".join(item.value for item in Item)
        raise output.CommandError(f"the checklist has no such item; the items are {known}") from None
    with control(project) as plane, plane.database.write() as session:
        tenant = customers.find(session, label, lock=True)
        if wanted is Item.USAGE and not red:
            proofs.agree_size(
                plane, session, tenant, by=by, actor=operator(), note=note, size=size, mailboxes=mailboxes,
                storage_gib=storage_gib,
            )  # fmt: skip
        elif (size, mailboxes, storage_gib) != (None, None, None):
            raise output.CommandError("only the item usage takes a size")
        else:
            proofs.by_hand(plane, session, tenant, wanted, green=not red, by=by, note=note, actor=operator())
        session.flush()
        shown = shown_of(plane, session, tenant)
    _print_checklist(shown, as_json)


def _print_checklist(shown: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(shown["checklist"])
        return
    left = [name for name, green in shown["checklist"].items() if not green]
    typer.echo(f"red: {', '.join(left)}" if left else "all green")
