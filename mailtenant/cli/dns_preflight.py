"""`mailtenant dns preflight`: whether the credentials of each zone read it and may write there. Changes nothing."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from mailtenant.cli import dns_credentials, output
from mailtenant.dns.preflight import Finding
from mailtenant.dns.preflight import addresses as foreign_addresses
from mailtenant.dns.preflight import cloudflare as ask_cloudflare
from mailtenant.dns.preflight import godaddy as ask_godaddy
from mailtenant.settings import load_stack_file


def preflight(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Ask each DNS provider of LABEL whether its credentials read the zone and may write there, and Cloudflare whether
    somebody else's address stands at the tenant's own names in the platform's zone; nothing is changed.
    Exits with 1 if one does not.

    Example: mailtenant dns preflight acme
    """
    folder = output.project_dir(project)
    stack_file = load_stack_file(output.stack_file(project, label))
    settings = stack_file.settings
    found: list[Finding] = []
    if settings.platform_dns.provider == "cloudflare":
        api = dns_credentials.cloudflare(folder, stack_file, platform=True)
        zone_id = settings.platform_dns.zone_id
        asked = ask_cloudflare(api, zone_id, settings.platform_domain)
        found += asked
        if asked[0].ok:
            hosts = {node.host: tuple(map(str, node.addresses)) for node in settings.smtp_nodes}
            found += foreign_addresses(api, zone_id, settings.platform_domain, hosts)
    for domain in settings.domains:
        if domain.dns.provider == "cloudflare":
            found += ask_cloudflare(dns_credentials.cloudflare(folder, stack_file), domain.dns.zone_id, domain.name)
        elif domain.dns.provider == "godaddy":
            found += ask_godaddy(dns_credentials.godaddy(folder, stack_file), domain.name)
    if as_json:
        output.print_json([asdict(one) for one in found])
    elif not found:
        typer.echo(f"no zone of {label} is written through a provider's API: there is nothing to ask")
    else:
        table = Table("", "zone", "question", "answer")
        for one in found:
            table.add_row("✓" if one.ok else "✗", one.zone, one.question, one.said)
        output.print_table(table)
    if not all(one.ok for one in found):
        raise typer.Exit(output.ExitCode.PROBLEM)
