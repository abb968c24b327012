"""`mailtenant dns …`: the group. Each command is in a file of its own, `dns_<command>.py`, and is added here."""

import typer

app = typer.Typer(help="DNS records of a tenant: plan, hand over, adopt, verify.")
