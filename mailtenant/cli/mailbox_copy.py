"""`mailtenant mailbox copy`: mailboxes from any IMAP server into those of a tenant."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mailtenant.accounts.csv_import import decode
from mailtenant.accounts.errors import ImportRefused
from mailtenant.accounts.model import MIB
from mailtenant.accounts.store import AccountStore
from mailtenant.cli import output
from mailtenant.cli.account_options import LabelArgument, tenant_engine
from mailtenant.mailbox_copy.imap_pass import PARALLEL, Advance, CopiedMailbox, ImapCopy
from mailtenant.mailbox_copy.imap_source import ImapSource, Security, SourceMailbox
from mailtenant.mailbox_copy.source_list import parse_list
from mailtenant.runner import DockerRunner

PASSWORD_VARIABLE: Final = "MAILTENANT_SOURCE_PASSWORD"  # noqa: S105
_PORTS: Final = {Security.TLS: 993, Security.STARTTLS: 143}
_UIDS: Final = (
    "note: mail programs keep what they have loaded only where UIDs and UIDVALIDITY stay; a Dovecot hands them over, "
    "other servers may not, and programs then load everything again. The report says it for each mailbox."
)


def copy_mailboxes(
    label: LabelArgument,
    from_host: Annotated[
        str, typer.Option("--from-host", help="the IMAP server to copy from, as its certificate names it")
    ],
    from_port: Annotated[
        int | None, typer.Option("--from-port", min=1, max=65535, help="left out: 993, or 143 with starttls")
    ] = None,
    security: Annotated[Security, typer.Option(help="TLS from the first byte, or after STARTTLS")] = Security.TLS,
    ca: Annotated[Path | None, typer.Option("--ca", help="PEM file; left out: the public authorities")] = None,
    master_user: Annotated[
        str, typer.Option("--master-user", help="who may log in there as anybody, as `address*master`")
    ] = "",
    password_file: Annotated[
        Path | None,
        typer.Option(help=f"the master user's password; left out: ${PASSWORD_VARIABLE}, or asked for"),
    ] = None,
    sieve_port: Annotated[
        int, typer.Option(min=0, max=65535, help="ManageSieve there, often 4190; left out: filters stay there")
    ] = 0,
    mailboxes: Annotated[
        str,
        typer.Option(metavar="FILE|all", help="CSV with the columns address, login, password; or all that exist here"),
    ] = "all",
    parallel: Annotated[int, typer.Option(min=1, max=16, help="mailboxes at the same time")] = PARALLEL,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only look: log in everywhere, count, copy nothing")
    ] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Copy mailboxes from any IMAP server into those of LABEL that exist already: folders, mail, flags, dates,
    subscriptions. May run as often as wanted: each run brings only what is new there, and nothing twice.

    The tenant's imap container connects to the server. Without --master-user the CSV file holds each mailbox's
    password. Exit code 1 if a mailbox was not copied, or is not as it is there.

    Example: mailtenant mailbox copy acme --from-host imap.old.example --master-user admin --dry-run
    """
    engine = tenant_engine(project, label)
    source = ImapSource(
        from_host, from_port or _PORTS[security], security, master_user,
        _master_password(password_file) if master_user else "",
        _authority(ca) if ca else "", sieve_port,
    )  # fmt: skip
    with AccountStore(engine) as store:
        present = store.mailboxes()
    if mailboxes == "all":
        if not master_user:
            raise typer.BadParameter(
                "`all` needs --master-user; else give --mailboxes FILE with each mailbox's password"
            )
        boxes = [SourceMailbox(box.address, box.address) for box in present if not box.role]
    else:
        boxes = _listed(Path(mailboxes), master=bool(master_user))
    if not boxes:
        raise output.CommandError(
            f"{label} has no mailboxes yet; make them first: mailtenant mailbox import {label} FILE"
        )
    copy = ImapCopy(
        DockerRunner(engine.container("imap"), engine.environment), label, source,
        {box.address: box.effective_quota_mib for box in present}, parallel,
    )  # fmt: skip
    typer.echo(_UIDS, err=True)
    with _progress("looking at mailboxes" if dry_run else "copying mailboxes", len(boxes)) as advance:
        found = copy.plan(boxes, advance) if dry_run else copy.run(boxes, advance)
    failed = sum(bool(box.errors) for box in found)
    if as_json:
        output.print_json(
            {
                "label": label, "source": source.place, "dry_run": dry_run, "ok": not failed,
                "mailboxes": [asdict(box) for box in found],
            }
        )  # fmt: skip
    else:
        _print(found, dry_run, filters=bool(sieve_port))
    if failed:
        raise typer.Exit(output.ExitCode.PROBLEM)


def _master_password(file: Path | None) -> str:
    """Raises: CommandError, if there is nowhere to read it from."""
    if file is not None:
        text = decode(file.read_bytes())
    elif (given := os.environ.get(PASSWORD_VARIABLE)) is not None:
        text = given
    elif sys.stdin.isatty():
        text = typer.prompt("Password of the master user", hide_input=True, err=True)
    else:
        raise output.CommandError(
            f"there is no terminal to ask for the master user's password; use --password-file or ${PASSWORD_VARIABLE}"
        )
    password = text.rstrip("\r\n")
    if not password or "\n" in password:
        raise output.CommandError("the master user's password is empty, or more than one line")
    return password


def _authority(file: Path) -> str:
    """Raises: CommandError"""
    text = file.read_text(errors="replace")
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise output.CommandError(f"{output.shown_path(file)} holds no certificate in PEM form (openssl x509 makes it)")
    return text


def _listed(file: Path, *, master: bool) -> list[SourceMailbox]:
    boxes, problems = parse_list(decode(file.read_bytes()), master=master)
    for problem in problems:
        typer.echo(f"{output.shown_path(file)}: {problem}", err=True)
    if problems:
        raise ImportRefused(problems)
    return boxes


@contextmanager
def _progress(what: str, total: int) -> Iterator[Advance]:
    """On stderr: a bar where there is a terminal, else a line for each mailbox that is done."""
    console = Console(stderr=True)
    if not console.is_terminal:
        done = iter(range(1, total + 1))
        yield lambda box: typer.echo(f"{next(done)} of {total}: {_line(box)}", err=True)
        return
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[last]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total, last="")
        yield lambda box: progress.update(task, advance=1, last=escape(_line(box)))


def _line(box: CopiedMailbox) -> str:
    return f"{box.address}, {'failed' if box.errors else f'{box.messages} messages'}"


def _print(found: Sequence[CopiedMailbox], dry_run: bool, *, filters: bool) -> None:
    table = Table("mailbox", "folders", "messages", "MiB", "to bring" if dry_run else "brought", "UIDs", "filters")
    for box in found:
        uids = {True: "kept", False: "new", None: ""}[box.uids_kept]
        numbers = (box.folders, box.messages, f"{box.octets / MIB:.1f}", box.brought)
        table.add_row(box.address, *map(str, numbers), uids, "" if box.filters is None else str(box.filters))
    output.print_table(table)
    for box in found:
        for line in (*(f"error: {error}" for error in box.errors), *box.warnings):
            typer.echo(f"{box.address}: {line}")
    done = sum(not box.errors for box in found)
    verb = "can be copied" if dry_run else "copied"
    stays = "Passwords, aliases and quotas do not come by IMAP" + (
        "" if filters else ", filters only with --sieve-port"
    )
    typer.echo(f"{done} of {len(found)} mailboxes {verb}. {stays}.")
