"""The tenant's DNS records, by whoever serves each zone."""

import pulumi

from components.context import TenantContext
from components.edge import Edge
from components.service import Needs, Place, run_service


class MailDns(pulumi.ComponentResource):
    """Creates: for zones with provider `local`, the nsd container on the edge address, port 53. Outputs: `zones`."""

    def __init__(
        self, name: str, context: TenantContext, edge: Edge, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mailtenant:index:MailDns", name, None, opts)
        _refuse_unwritten(context)
        if context.zones:
            run_service(self, f"{name}-server", context, "dns", Place(namespace_of=edge.container), Needs())
        self.register_outputs({"zones": [zone.name for zone in context.zones]})


def _refuse_unwritten(context: TenantContext) -> None:
    """A zone that nobody would write must not look as if somebody did."""
    settings = context.settings
    zones = [(settings.host, settings.platform_dns.provider)] + [(d.name, d.dns.provider) for d in settings.domains]
    unwritten = [f"{zone} ({provider})" for zone, provider in zones if provider not in ("local", "manual")]
    if unwritten:
        raise pulumi.RunError(
            f"this release does not write DNS at a provider: {', '.join(unwritten)}; "
            f"set `provider: manual` and enter what `mailtenant records {settings.label}` prints"
        )
