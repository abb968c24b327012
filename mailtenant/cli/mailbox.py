"""`mailtenant mailbox`: the mailboxes of a running tenant. No change needs a restart.

New mailboxes and passwords hold at once, a removal within about two seconds (docs/decisions/0039).
"""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mailtenant.accounts.address import parse_mailbox_address
from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.errors import AccountError, AccountsUnavailable
from mailtenant.accounts.mail_store import delete_mail, end_sessions, has_mail, mail_folder
from mailtenant.accounts.model import Mailbox, NewMailbox
from mailtenant.accounts.passwords import hash_password
from mailtenant.accounts.store import AccountStore
from mailtenant.cli import output
from mailtenant.cli.account_options import GenerateOption, LabelArgument, StdinOption, read_password, tenant_engine
from mailtenant.cli.mailbox_copy import copy_mailboxes
from mailtenant.cli.mailbox_csv import export_mailboxes, import_mailboxes

app = typer.Typer(no_args_is_help=True)
app.command("import")(import_mailboxes)
app.command("export")(export_mailboxes)
app.command("copy")(copy_mailboxes)

AddressArgument = Annotated[str, typer.Argument(help="the mailbox, for example jo@acme.test")]
QuotaOption = Annotated[
    int | None, typer.Option("--quota-mib", min=1, max=1_048_576, help="MiB; left out: the tenant's default")
]


@app.command()
def add(
    label: LabelArgument,
    address: AddressArgument,
    quota_mib: QuotaOption = None,
    name: Annotated[str, typer.Option(help="whose it is")] = "",
    password_stdin: StdinOption = False,
    generate: GenerateOption = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Add a mailbox. It receives and sends mail as soon as the command ends.

    Example: mailtenant mailbox add acme jo@acme.test --generate
    """
    wanted = parse_mailbox_address(address)
    engine = tenant_engine(project, label)
    with AccountStore(engine) as store:
        password = read_password(password_stdin, generate)
        store.add(NewMailbox(wanted, hash_password(password), quota_mib, name))
        made = store.mailbox(wanted)
    shown = {**_as_json(made), **({"password": password} if generate else {})}
    if as_json:
        output.print_json(shown)
        return
    typer.echo(f"{wanted} is ready, with {made.effective_quota_mib} MiB.")
    if generate:
        typer.echo(f"Password, shown this once: {password}")
    if _left_mail(engine, wanted):
        typer.echo("An earlier mailbox of this address left its mail; the new one shows it.")


@app.command("list")
def list_mailboxes(
    label: LabelArgument, as_json: output.JsonOption = False, project: output.ProjectOption = None
) -> None:
    """List mailboxes, quotas, and how much of the tenant's capacity they use.

    Example: mailtenant mailbox list acme
    """
    with AccountStore(tenant_engine(project, label)) as store:
        mailboxes, usage = store.mailboxes(), store.usage()
    if as_json:
        output.print_json({"mailboxes": [_as_json(box) for box in mailboxes], "usage": asdict(usage)})
        return
    table = Table("mailbox", "name", "quota", "login")
    for box in mailboxes:
        quota = f"{box.effective_quota_mib} MiB" + (" (default)" if box.quota_mib is None else "")
        login = "yes" if box.can_log_in else "built-in, no password yet" if box.role else "off"
        table.add_row(box.address, escape(box.name), quota, login)
    output.print_table(table)
    typer.echo(
        f"{usage.mailboxes} of {usage.mailboxes_allowed} mailboxes, "
        f"quotas {usage.storage_promised_mib} of {usage.storage_mib} MiB"
    )
    if usage.refusal:
        typer.echo(f"The newest settings were not taken over: {usage.refusal}", err=True)


@app.command()
def passwd(
    label: LabelArgument,
    address: AddressArgument,
    password_stdin: StdinOption = False,
    generate: GenerateOption = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Set a mailbox's password. The old one is void at once, and sessions that were opened with it end.

    Example: mailtenant mailbox passwd acme jo@acme.test
    """
    wanted = parse_mailbox_address(address)
    engine = tenant_engine(project, label)
    with AccountStore(engine) as store:
        store.mailbox(wanted)
        password = read_password(password_stdin, generate)
        store.set_password(wanted, hash_password(password))
    _end_sessions(engine, wanted)
    if as_json:
        output.print_json({"address": wanted, **({"password": password} if generate else {})})
        return
    typer.echo(f"{wanted} has a new password.")
    if generate:
        typer.echo(f"Password, shown this once: {password}")


@app.command()
def quota(
    label: LabelArgument,
    address: AddressArgument,
    mib: Annotated[str, typer.Argument(help="MiB, or `default` for the tenant's default")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Set a mailbox's quota. It holds from the next delivery on.

    Example: mailtenant mailbox quota acme jo@acme.test 4096
    """
    wanted = parse_mailbox_address(address)
    if mib != "default" and not (mib.isascii() and mib.isdigit() and 1 <= int(mib) <= 1_048_576):
        raise AccountError("the quota is a whole number of MiB from 1 to 1048576, or `default`")
    with AccountStore(tenant_engine(project, label)) as store:
        store.set_quota(wanted, None if mib == "default" else int(mib))
        made = store.mailbox(wanted)
    if as_json:
        output.print_json(_as_json(made))
    else:
        typer.echo(f"{wanted} has {made.effective_quota_mib} MiB.")


@app.command()
def remove(
    label: LabelArgument,
    address: AddressArgument,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for the address to be typed")] = False,
    with_mail: Annotated[bool, typer.Option("--delete-mail", help="delete its mail too; there is no undo")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Remove a mailbox and the aliases that lead to it. Its mail stays on the volume, unless --delete-mail is given.

    Example: mailtenant mailbox remove acme jo@acme.test
    """
    wanted = parse_mailbox_address(address)
    engine = tenant_engine(project, label)
    with AccountStore(engine) as store:
        store.mailbox(wanted)
        if not yes:
            _ask(wanted, with_mail)
        aliases = store.remove(wanted)
    _end_sessions(engine, wanted)
    if with_mail:
        delete_mail(engine, wanted)
    if as_json:
        removed = [{"address": alias.address, "destination": alias.destination} for alias in aliases]
        output.print_json({"address": wanted, "aliases_removed": removed, "mail_deleted": with_mail})
        return
    typer.echo(f"{wanted} is removed; mail to it is refused from now on.")
    for alias in aliases:
        typer.echo(f"  alias {alias.address} no longer leads to it")
    if with_mail:
        typer.echo("Its mail is deleted.")
    else:
        typer.echo(f"Its mail stays in {mail_folder(wanted)} (container {engine.container('imap')}).")
        typer.echo("A mailbox added under the same address shows it again; --delete-mail deletes it.")


def _ask(address: str, with_mail: bool) -> None:
    what = "the mailbox and all its mail, for good" if with_mail else "the mailbox; its mail stays on the volume"
    typer.echo(f"This removes {what}.", err=True)
    typed = typer.prompt(f"Type the address ({address}) to go on", default="", show_default=False, err=True)
    if typed.strip().lower() != address:
        raise AccountError("the address was not typed; nothing was removed")


def _end_sessions(engine: TenantEngine, address: str) -> None:
    try:
        end_sessions(engine, address)
    except AccountsUnavailable as error:
        typer.echo(f"note: open sessions could not be ended: {error}", err=True)


def _left_mail(engine: TenantEngine, address: str) -> bool:
    try:
        return has_mail(engine, address)
    except AccountsUnavailable:
        return False


def _as_json(box: Mailbox) -> dict[str, object]:
    return {
        "address": box.address,
        "name": box.name,
        "quota_mib": box.effective_quota_mib,
        "quota_is_default": box.quota_mib is None,
        "can_log_in": box.can_log_in,
        "builtin": box.role,
        "created_at": box.created_at.isoformat(),
    }
