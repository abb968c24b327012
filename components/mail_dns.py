"""The tenant's DNS records, by whoever serves each zone."""

import pulumi

from components.context import TenantContext
from components.edge import Edge
from components.service import Needs, Place, run_service


class MailDns(pulumi.ComponentResource):
    """Creates: for zones with provider `local`, the nsd container on the edge address, port 53.

    Replaced by: image, rendered files (every change of a local zone). In place: memory, CPU shares. Outputs: `zones`.
    """

    def __init__(
        self, name: str, context: TenantContext, edge: Edge, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mailtenant:index:MailDns", name, None, opts)
        if context.zones:
            run_service(self, f"{name}-server", context, "dns", Place(namespace_of=edge.container), Needs())
        self.register_outputs({"zones": [zone.name for zone in context.zones]})
