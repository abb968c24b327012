"""The one program of every tenant: settings of the stack file → `TenantMail` → exports."""

import os

import pulumi
import pulumi_docker as docker

from components.capacity_guard import capacity_guard, fits_the_host, fits_the_use
from components.config_guard import config_guard
from components.edge_guard import edge_network_fits
from components.queue_guard import drain_before_up, queue_guard
from components.tenant import TenantMail
from components.zone_writers import DnsState
from mailtenant.secrets import SecretsError, parse_secrets
from mailtenant.settings import SettingsErrors, parse_settings
from mailtenant.settings.demo import may_be_demo, uses_published_passphrase
from mailtenant.settings.stackfile import parse_existing, parse_phase


def main() -> None:
    """Raises: pulumi.RunError with every problem of the stack file, one a line."""
    config = pulumi.Config("mailtenant")
    stack = pulumi.get_stack()
    try:
        settings = parse_settings(config.require_object("tenant"), stack=stack)
        secrets = parse_secrets(config.require_object("secrets"))
        dns = DnsState(
            parse_existing(config.get_object("dnsExisting"), settings, stack),
            parse_phase(config.get("dnsPhase"), stack),
        )
    except (SettingsErrors, SecretsError) as error:
        raise pulumi.RunError(str(error)) from None
    if not may_be_demo(settings) and uses_published_passphrase(os.environ):
        raise pulumi.RunError(
            f"stack {stack} is encrypted with the published passphrase of the demo, which is for .test domains on this "
            "machine's engine only: make the tenant anew under a passphrase of its own"
        )
    try:
        fits_the_host(settings)
        fits_the_use(settings)
        edge_network_fits(settings)
    except SettingsErrors as error:
        raise pulumi.RunError(str(error)) from None
    drain_before_up(settings)
    remote = None if settings.platform == "docker" else settings.platform
    engine = docker.Provider(f"{settings.label}-engine", host=remote)
    tenant = TenantMail(
        settings.label,
        settings,
        secrets,
        pulumi.ResourceOptions(providers=[engine]),
        dns=dns,
        before_accounts=[capacity_guard(settings)],
        before_config=config_guard(settings),
        before_queue=[queue_guard(settings)],
    )
    for key, value in tenant.outputs.items():
        pulumi.export(key, value)


main()
