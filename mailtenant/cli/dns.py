"""`mailtenant dns …`: the group. Each command is in a file of its own, `dns_<command>.py`, and is added here."""

import typer

from mailtenant.cli.dns_adopt import adopt
from mailtenant.cli.dns_phase import phase
from mailtenant.cli.dns_plan import plan, sheet
from mailtenant.cli.dns_preflight import preflight
from mailtenant.cli.dns_verify import verify

app = typer.Typer(no_args_is_help=True, help="DNS records of a tenant: plan, hand over, adopt, verify.")
for command in (plan, sheet, preflight, adopt, phase, verify):
    app.command()(command)
