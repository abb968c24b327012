"""Whether the stored credentials of a tenant's zones read them and may write there. Nothing is changed."""

from pathlib import Path

from mailtenant.dns.preflight import Finding
from mailtenant.dns.preflight import addresses as foreign_addresses
from mailtenant.dns.preflight import cloudflare as ask_cloudflare
from mailtenant.dns.preflight import godaddy as ask_godaddy
from mailtenant.fleet import dns_credentials
from mailtenant.fleet.stacks import StackError
from mailtenant.settings import StackFile

BY_KEY = ("cloudflare", "godaddy")
"""Providers whose zones are written with a key of the customer's."""


def platform_findings(project: Path, stack_file: StackFile) -> list[Finding]:
    """Of the platform's zone, and whether somebody else's address stands at the tenant's names there.

    Raises: StackError, if the credentials cannot be read.
    """
    settings = stack_file.settings
    if settings.platform_dns.provider != "cloudflare":
        return []
    api = dns_credentials.cloudflare(project, stack_file, platform=True)
    zone_id = settings.platform_dns.zone_id
    found = ask_cloudflare(api, zone_id, settings.platform_domain)
    if found[0].ok:
        hosts = {node.host: tuple(map(str, node.addresses)) for node in settings.smtp_nodes}
        found += foreign_addresses(api, zone_id, settings.platform_domain, hosts)
    return found


def customer_findings(project: Path, stack_file: StackFile) -> list[Finding]:
    """Of each domain that is written with the customer's key. Raises: StackError"""
    found: list[Finding] = []
    for domain in stack_file.settings.domains:
        if domain.dns.provider == "cloudflare":
            found += ask_cloudflare(dns_credentials.cloudflare(project, stack_file), domain.dns.zone_id, domain.name)
        elif domain.dns.provider == "godaddy":
            found += ask_godaddy(dns_credentials.godaddy(project, stack_file), domain.name)
    return found


def proven(project: Path, stack_file: StackFile) -> list[Finding]:
    """As `customer_findings`; credentials that cannot be read are a finding of each zone that needs them."""
    try:
        return customer_findings(project, stack_file)
    except StackError as error:
        zones = [domain.name for domain in stack_file.settings.domains if domain.dns.provider in BY_KEY]
        return [Finding(zone, "the stored key", False, str(error)) for zone in zones]
