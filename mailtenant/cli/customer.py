"""`mailtenant customer`: the customers of the control plane, their contacts, checklist and webhook."""

import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.control import CustomerArgument, control, operator
from mailtenant.cli.customer_checklist import ask_contact, checklist, prove_contact
from mailtenant.cli.customer_view import shown_of

app = typer.Typer(no_args_is_help=True, help="Customers: whom we serve, on the shared host or on servers of their own.")
app.command("ask-contact")(ask_contact)
app.command("prove-contact")(prove_contact)
app.command("checklist")(checklist)


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
        shown = shown_of(plane, session, tenant)
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
        found = [shown_of(plane, session, tenant) for tenant in customers.every(session)]
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
        shown = shown_of(plane, session, tenant)
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
        shown = shown_of(plane, session, tenant)
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
        shown = shown_of(plane, session, tenant)
    if as_json:
        output.print_json(shown)
    else:
        typer.echo(f"announcements to {label} go to {len(shown['contacts'])} contacts")


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
        shown = shown_of(plane, session, tenant)
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
        shown = shown_of(plane, session, tenant)
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
        shown = shown_of(plane, session, tenant)
    if as_json:
        output.print_json(shown)
    else:
        typer.echo(f"{label} has {name}. Next, if it has servers of its own: mailtenant domain add {label} {name}")


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
