"""`mailtenant customer`: the customers of the control plane, their contacts, checklist and webhook."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.control import CustomerArgument, control, operator

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from mailtenant.control.plane import ControlPlane
    from mailtenant.control.tables import Tenant

app = typer.Typer(no_args_is_help=True, help="Customers: whom we serve, on the shared host or on servers of their own.")


@app.command()
def add(
    organisation: Annotated[str, typer.Argument(help="the customer's name")],
    domain: Annotated[list[str], typer.Option(help="a mail domain; may repeat, the first is the primary one")],
    contact_name: Annotated[str, typer.Option(help="whom we write to")],
    contact_email: Annotated[str, typer.Option(help="where that person reads mail")],
    label: Annotated[str | None, typer.Option(help="left out: proposed from the name or the first domain")] = None,
    provider: Annotated[str, typer.Option(help="who serves the domains' DNS: manual, cloudflare, godaddy")] = "manual",
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Add a customer of the shared host. Its label is a proposal until `customer confirm`.

    Example: mailtenant customer add "Acme GmbH" --domain acme.com --contact-name "Jo Doe" --contact-email jo@acme.com
    """
    from mailtenant.control import customers

    with control(project) as plane, plane.database.write() as session:
        tenant = customers.add(
            plane, session, organisation=organisation, domains=domain, contact=(contact_name, contact_email),
            actor=operator(), label=label, provider=provider,
        )  # fmt: skip
        shown = _shown(plane, session, tenant)
    if as_json:
        output.print_json(shown)
    else:
        typer.echo(f"{shown['label']} is added. Next: mailtenant customer confirm {shown['label']}")


@app.command("list")
def list_customers(
    state: Annotated[str | None, typer.Option(help="only those whose migration is in this state")] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """List all customers with the state of their migration.

    Example: mailtenant customer list --state scheduled
    """
    from mailtenant.control import customers
    from mailtenant.migration import State

    if state is not None and state not in list(State):
        raise output.CommandError(f"there is no state of that name; the states are {', '.join(State)}")
    with control(project) as plane, plane.database.read() as session:
        found = [_shown(plane, session, tenant) for tenant in customers.every(session)]
    found = [one for one in found if state in (None, one["state"])]
    if as_json:
        output.print_json(found)
        return
    table = Table("label", "organisation", "state", "window", "served by", "domains")
    for one in found:
        window = one["window"]["start"] if one["window"] else ""
        label = one["label"] if one["label_confirmed"] else f"{one['label']} (proposed)"
        names = ", ".join(domain["name"] for domain in one["domains"])
        table.add_row(label, escape(one["organisation"]), one["state"], window, one["smtp_host"], names)
    output.print_table(table)


@app.command()
def show(label: CustomerArgument, as_json: output.JsonOption = False, project: output.ProjectOption = None) -> None:
    """Show one customer: hosts, contacts, domains, checklist, keys by their beginnings, the last changes.

    Example: mailtenant customer show acme
    """
    from mailtenant.control import api_keys, audit, customers

    with control(project) as plane, plane.database.read() as session:
        tenant = customers.find(session, label)
        shown = _shown(plane, session, tenant)
        shown["keys"] = [api_keys.as_json(key) for key in api_keys.every(session, tenant.id)]
        shown["audit"] = [
            {"at": entry.at.isoformat(), "actor": entry.actor, "action": entry.action, "detail": entry.detail}
            for entry in audit.entries(session, tenant.id, 20)
        ]
    if as_json:
        output.print_json(shown)
        return
    table = Table("", "", title=escape(f"{shown['organisation']} ({label})"), show_header=False)
    for name in ("state", "reason", "fix", "smtp_host", "imap_host", "tenant_host", "label_confirmed", "webhook"):
        table.add_row(name, escape(str(shown[name])))
    for contact in shown["contacts"]:
        table.add_row("contact", escape(f"{contact['name']} <{contact['email']}>"))
    for domain in shown["domains"]:
        table.add_row("domain", f"{domain['name']} ({domain['provider']})")
    for item, green in shown["checklist"].items():
        table.add_row(f"checklist {item}", escape(f"green, by {green}") if green else "red")
    for entry in shown["audit"]:
        table.add_row(entry["at"], escape(f"{entry['actor']} {entry['action']} {entry['detail']}"))
    output.print_table(table)


@app.command()
def confirm(
    label: CustomerArgument,
    new_label: Annotated[str | None, typer.Option("--as", help="take this label instead of the proposed one")] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Fix the label, as agreed with the customer. It never changes after that, and is never given to another.

    Example: mailtenant customer confirm acme
    """
    from mailtenant.control import customers

    with control(project) as plane, plane.database.write() as session:
        tenant = customers.confirm(plane, session, label, actor=operator(), new_label=new_label)
        shown = _shown(plane, session, tenant)
    if as_json:
        output.print_json(shown)
    else:
        typer.echo(f"confirmed: {shown['tenant_host']}")


@app.command()
def contact(
    label: CustomerArgument,
    name: Annotated[str, typer.Argument(help="a person or team")],
    email: Annotated[str, typer.Argument(help="where announcements go to")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Add somebody whom announcements go to.

    Example: mailtenant customer contact acme "Ann Roe" ann@acme.com
    """
    from mailtenant.control import customers

    with control(project) as plane, plane.database.write() as session:
        tenant = customers.find(session, label)
        customers.add_contact(plane, session, tenant, name, email, actor=operator())
        session.flush()
        shown = _shown(plane, session, tenant)
    if as_json:
        output.print_json(shown)
    else:
        typer.echo(f"announcements to {label} go to {len(shown['contacts'])} contacts")


@app.command("ask-contact")
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


@app.command("prove-contact")
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
        shown = _shown(plane, session, tenant)
    _print_checklist(shown, as_json)


@app.command()
def rehost(label: CustomerArgument, as_json: output.JsonOption = False, project: output.ProjectOption = None) -> None:
    """Have userinfo name the hosts that the settings give the side which serves the customer now: after the shared
    host's name was changed in MAILTENANT_SHARED_SMTP_HOST and …_IMAP_HOST.

    Example: mailtenant customer rehost acme
    """
    from mailtenant.control import customers, migrations

    with control(project) as plane, plane.database.write() as session:
        tenant = customers.find(session, label, lock=True)
        migrations.rehost(plane, session, tenant, actor=operator())
        shown = _shown(plane, session, tenant)
    if as_json:
        output.print_json(shown)
    else:
        typer.echo(f"userinfo of {label}: {shown['smtp_host']}, {shown['imap_host']}")


@app.command("remove-contact")
def remove_contact(
    label: CustomerArgument,
    email: Annotated[str, typer.Argument(help="the address that gets no more announcements")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Take somebody off the list of those whom announcements go to. The last one stays.

    Example: mailtenant customer remove-contact acme ann@acme.com
    """
    from mailtenant.control import customers

    with control(project) as plane, plane.database.write() as session:
        tenant = customers.find(session, label, lock=True)
        customers.remove_contact(plane, session, tenant, email, actor=operator())
        shown = _shown(plane, session, tenant)
    if as_json:
        output.print_json(shown)
    else:
        typer.echo(f"announcements to {label} go to {len(shown['contacts'])} contacts")


@app.command()
def domain(
    label: CustomerArgument,
    name: Annotated[str, typer.Argument(help="the domain, proven to be the customer's")],
    provider: Annotated[str, typer.Option(help="who serves its DNS: manual, cloudflare, godaddy")] = "manual",
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Add a domain to a customer, as its API then shows. Its own servers take mail for it once it is in the stack file:
    `mailtenant domain add`, reviewed and brought up.

    Example: mailtenant customer domain acme acme.io
    """
    from mailtenant.control import customers

    with control(project) as plane, plane.database.write() as session:
        tenant = customers.find(session, label)
        customers.add_domain(plane, session, tenant, name, provider=provider, actor=operator())
        session.flush()
        shown = _shown(plane, session, tenant)
    if as_json:
        output.print_json(shown)
    else:
        typer.echo(f"{label} has {name}. Next, if it has servers of its own: mailtenant domain add {label} {name}")


@app.command()
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
        shown = _shown(plane, session, tenant)
    _print_checklist(shown, as_json)


def _print_checklist(shown: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(shown["checklist"])
        return
    left = [name for name, green in shown["checklist"].items() if not green]
    typer.echo(f"red: {', '.join(left)}" if left else "all green")


@app.command()
def webhook(
    label: CustomerArgument,
    url: Annotated[str | None, typer.Argument(help="https://…; left out: none any more")] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Set where events are posted; the signing secret is read from the first line of stdin.

    Example: mailtenant customer webhook acme https://acme.com/hooks/mail < secret
    """
    from mailtenant.control import customers

    secret = sys.stdin.readline().strip() if url else None
    with control(project) as plane, plane.database.write() as session:
        customers.set_webhook(plane, session, customers.find(session, label), url, secret, actor=operator())
    if as_json:
        output.print_json({"label": label, "webhook": url})
    else:
        typer.echo(f"events of {label} go to {url}" if url else f"events of {label} are posted nowhere")


@app.command()
def remove(
    label: CustomerArgument,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for the label to be typed")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Remove a customer from the control plane: its keys end, its label stays taken for good. No mail is touched.
    Tasks that it asked for are cancelled.

    Example: mailtenant customer remove acme
    """
    from mailtenant.control import customers
    from mailtenant.tasks import book

    if (
        not yes
        and typer.prompt(f"Type the label ({label}) to go on", default="", show_default=False, err=True) != label
    ):
        raise output.CommandError("the label was not typed; nothing was removed")
    with control(project) as plane, plane.database.write() as session:
        cancelled = [book.as_json(task) for task in customers.remove(plane, session, label, actor=operator())]
    if as_json:
        output.print_json({"label": label, "removed": True, "tasks": cancelled})
        return
    for task in cancelled:
        how = "stops before its next step" if task["state"] == book.RUNNING else "is cancelled"
        typer.echo(f"its task {task['id']} ({task['kind']}) {how}")
    typer.echo(f"{label} is removed; its label is never given again")


def _shown(plane: "ControlPlane", session: "Session", tenant: "Tenant") -> dict[str, Any]:
    from mailtenant.control import customers, migrations
    from mailtenant.migration.evidence import Item

    row, found = migrations.load(session, tenant)
    window = found.window
    return {
        "label": tenant.label,
        "label_confirmed": tenant.label_confirmed_at is not None,
        "organisation": tenant.organisation,
        "state": found.state.value,
        "reason": found.failure.why if found.failure else found.reason,
        "fix": found.failure.fix if found.failure else "",
        "smtp_host": tenant.smtp_host,
        "imap_host": tenant.imap_host,
        "tenant_host": plane.settings.tenant_host(tenant.label),
        "window": {"start": window.start.isoformat(), "minutes": window.minutes} if window else None,
        "until": found.until.isoformat() if found.until else None,
        "contacts": [{"name": c.name, "email": c.email} for c in customers.contacts(session, tenant.id)],
        "domains": [{"name": d.name, "provider": d.provider} for d in customers.domains(session, tenant.id)],
        "checklist": {item.value: found.checklist.get(item) for item in Item},
        "webhook": tenant.webhook_url,
        "progress": row.progress,
    }
