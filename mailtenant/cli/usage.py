"""`mailtenant usage`: what a running tenant uses and has sent, next to what its stack file allows."""

import time
from dataclasses import asdict

import typer
from rich.table import Table

from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.mail_store import mail_in_use
from mailtenant.accounts.store import AccountStore
from mailtenant.cli import output
from mailtenant.cli.account_options import LabelArgument
from mailtenant.sending.cache import read_counters
from mailtenant.sending.counters import Scope, keys_for, sent
from mailtenant.settings import load_stack_file


def usage(
    label: LabelArgument,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Print what LABEL uses: mailboxes, domains, storage, and the recipients sent to in the running hour and day (UTC).

    Limits are those of the stack file; `pulumi up` hands them to the tenant. Exit code 3 if the tenant is not running.

    Example: mailtenant usage acme
    """
    settings = load_stack_file(output.stack_file(project, label)).settings
    engine = TenantEngine.of(settings)
    with AccountStore(engine) as store:
        mailboxes, allocation, pauses = store.mailboxes(), store.usage(), store.pauses()
    used = mail_in_use(engine)
    addresses = [box.address for box in mailboxes]
    domains = [domain.name for domain in allocation.domains]
    now = int(time.time())
    values = read_counters(engine, keys_for(addresses, domains, now))
    whose: list[tuple[Scope, str]] = [("tenant", "")]
    whose += [("domain", name) for name in domains]
    whose += [("mailbox", address) for address in addresses]
    counted = [sent(settings, scope, name, now, values) for scope, name in whose]
    stored_mib = round(sum(used.values()) / 1024**2, 1)
    if as_json:
        boxes = [
            {"address": box.address, "used_mib": _mib(used.get(box.address, 0)), "quota_mib": box.effective_quota_mib}
            for box in mailboxes
        ]
        output.print_json(
            {
                "tenant": label,
                "mailboxes": {"used": allocation.mailboxes, "allowed": allocation.mailboxes_allowed},
                "domains": {"used": len(domains), "allowed": allocation.domains_allowed},
                "storage_mib": {
                    "used": stored_mib,
                    "promised": allocation.storage_promised_mib,
                    "allowed": allocation.storage_mib,
                },
                "quotas": boxes,
                "sent": [asdict(one) for one in counted],
                "paused": [{**asdict(pause), "since": pause.since.isoformat()} for pause in pauses],
            }
        )
        return
    typer.echo(
        f"{allocation.mailboxes} of {allocation.mailboxes_allowed} mailboxes, {len(domains)} of "
        f"{allocation.domains_allowed} domains; mail {stored_mib} MiB, quotas {allocation.storage_promised_mib} of "
        f"{allocation.storage_mib} MiB"
    )
    table = Table("", "", "sent this hour", "sent today (UTC)", "mail", "quota")
    quota = {box.address: f"{box.effective_quota_mib} MiB" for box in mailboxes}
    for one in counted:
        mail = f"{_mib(used.get(one.name, 0))} MiB" if one.scope == "mailbox" else ""
        table.add_row(
            one.scope,
            one.name,
            _of(one.hour, one.hour_limit),
            _of(one.day, one.day_limit),
            mail,
            quota.get(one.name, ""),
        )
    output.print_table(table)
    for pause in pauses:
        what = f"{pause.scope} {pause.name}".strip()
        typer.echo(
            f"paused since {pause.since:%Y-%m-%d %H:%M}: {what}" + (f" ({pause.reason})" if pause.reason else "")
        )


def _of(count: int, limit: int | None) -> str:
    return f"{count} of {limit}" if limit is not None else str(count)


def _mib(octets: int) -> float:
    return round(octets / 1024**2, 1)
