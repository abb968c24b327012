"""The component that other Pulumi programs use: typed plain values at its border, pydantic behind it."""

from typing import Any, NotRequired, TypedDict

import pulumi

from components.tenant import TenantMail
from components.zone_writers import DnsState
from mailtenant.secrets import SecretsError, parse_secrets
from mailtenant.settings import SettingsErrors, parse_settings
from mailtenant.settings.stackfile import parse_existing, parse_phase


class MailTenantArgs(TypedDict):
    """What `MailTenant` is made from. All plain: the settings decide which resources there are."""

    tenant: dict[str, Any]
    """The tenant document: the value of `mailtenant:tenant` (docs/tenant-settings.md; docs/tenant.schema.json)."""
    secrets: dict[str, Any]
    """The decrypted value of `mailtenant:secrets`; each leaf is handed to the engine as a secret."""
    dns_phase: NotRequired[str]
    """How far the customer's DNS has moved here: adopted, additive, cutover, settled (the default)."""
    dns_existing: NotRequired[dict[str, Any]]
    """What the customer's zones held before, as `mailtenant dns adopt` writes it."""


class MailTenant(pulumi.ComponentResource):
    """Creates: a whole mail system for one customer (a `TenantMail`), from plain values.

    Refused before anything is registered: settings or secrets that are not right, with every problem's path and no
    value. What the engine holds is named by the tenant's label, whatever this component is called.
    Replaced by: what its parts are replaced by (see their pages); mail, queue and database stay on protected volumes.
    Outputs: `host`, `address`, `address6` (None without IPv6), `ports`, `certificate_authority` (PEM of the CA that
    signed the host's certificate).
    """

    host: pulumi.Output[str]
    """The one host name for every port."""
    address: pulumi.Output[str]
    """The tenant's own IPv4 address."""
    address6: pulumi.Output[str | None]
    """Its own IPv6 address, if it has one."""
    ports: pulumi.Output[list[int]]
    """Ports that are served at the address."""
    certificate_authority: pulumi.Output[str]
    """PEM; clients that do not know the CA need it."""

    def __init__(self, name: str, args: MailTenantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        unresolved = [key for key, value in args.items() if isinstance(value, pulumi.Output)]
        if unresolved:
            raise pulumi.RunError(
                f"MailTenant {name}: {', '.join(unresolved)} must be plain values, not outputs: they decide which "
                "resources there are; read them by `pulumi.Config().require_object(…)`"
            )
        where = f"MailTenant {name}"
        try:
            settings = parse_settings(args["tenant"], file=where)
            secrets = parse_secrets(args["secrets"])
            dns = DnsState(
                parse_existing(args.get("dns_existing"), settings, where), parse_phase(args.get("dns_phase"), where)
            )
        except (SettingsErrors, SecretsError) as error:
            raise pulumi.RunError(str(error)) from None
        super().__init__("mailtenant:index:MailTenant", name, None, opts)
        tenant = TenantMail(settings.label, settings, secrets, pulumi.ResourceOptions(parent=self), dns=dns)
        self.host = pulumi.Output.from_input(settings.host)
        self.address = pulumi.Output.from_input(str(settings.edge.address))
        self.address6 = pulumi.Output.from_input(str(settings.edge.address6) if settings.edge.address6 else None)
        self.ports = pulumi.Output.from_input(tenant.outputs["ports"])  # type: ignore[arg-type]
        self.certificate_authority = pulumi.Output.from_input(settings.tls.ca)
        self.register_outputs({
            "host": self.host, "address": self.address, "address6": self.address6, "ports": self.ports,
            "certificateAuthority": self.certificate_authority,
        })  # fmt: skip
