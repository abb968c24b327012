"""`mailtenant pause` and `mailtenant resume`: who may not send for now. Nothing restarts, and mail still comes in."""

from typing import Annotated

import typer

from mailtenant.accounts.address import parse_mailbox_address
from mailtenant.accounts.errors import AccountError
from mailtenant.accounts.store import AccountStore
from mailtenant.cli import output
from mailtenant.cli.account_options import LabelArgument, tenant_engine

MailboxOption = Annotated[str | None, typer.Option("--mailbox", help="this mailbox only", show_default=False)]
DomainOption = Annotated[str | None, typer.Option("--domain", help="this domain's mailboxes only", show_default=False)]


def pause(
    label: LabelArgument,
    mailbox: MailboxOption = None,
    domain: DomainOption = None,
    reason: Annotated[str, typer.Option(help="for whoever reads `mailtenant usage`")] = "",
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Stop LABEL, or one mailbox or domain of it, from sending: from the next seconds on, submission answers 451.

    Mail still comes in, and what was accepted before is still delivered. No `pulumi up` undoes it; `resume` does.

    Example: mailtenant pause acme --mailbox jo@acme.test --reason "stolen password"
    """
    with AccountStore(tenant_engine(project, label)) as store:
        scope, name = _scope(mailbox, domain)
        _must_exist(store, scope, name)
        new = store.pause(scope, name, reason)
    _say(label, scope, name, as_json=as_json, changed=new, text="may not send" if new else "was paused before")


def resume(
    label: LabelArgument,
    mailbox: MailboxOption = None,
    domain: DomainOption = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Let LABEL, or one mailbox or domain of it, send again. Another pause over it stays in force and is named.

    Exit code 1 if it was not paused.

    Example: mailtenant resume acme --mailbox jo@acme.test
    """
    with AccountStore(tenant_engine(project, label)) as store:
        scope, name = _scope(mailbox, domain)
        if not store.resume(scope, name):
            paused = ", ".join(f"{p.scope} {p.name}".strip() for p in store.pauses()) or "nothing"
            raise AccountError(f"{_named(label, scope, name)} is not paused; paused is: {paused}")
        left = store.pauses()
    _say(label, scope, name, as_json=as_json, changed=True, text="may send again")
    for other in left if not as_json else ():
        typer.echo(f"still paused: {other.scope} {other.name}".rstrip())


def _scope(mailbox: str | None, domain: str | None) -> tuple[str, str]:
    if mailbox and domain:
        raise AccountError("--mailbox and --domain exclude each other; pause one after the other")
    if mailbox:
        return "mailbox", parse_mailbox_address(mailbox)
    return ("domain", domain.strip().lower()) if domain else ("tenant", "")


def _must_exist(store: AccountStore, scope: str, name: str) -> None:
    """A typing error must not look like a pause."""
    if scope == "mailbox":
        store.mailbox(name)
    elif scope == "domain" and name not in (known := [domain.name for domain in store.usage().domains]):
        raise AccountError(f"the tenant has no such domain; it has {', '.join(known)}")


def _named(label: str, scope: str, name: str) -> str:
    return f"{scope} {name}" if name else f"tenant {label}"


def _say(label: str, scope: str, name: str, *, as_json: bool, changed: bool, text: str) -> None:
    if as_json:
        output.print_json({"tenant": label, "scope": scope, "name": name or None, "changed": changed})
    else:
        typer.echo(f"{_named(label, scope, name)}: {text}.")
