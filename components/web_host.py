"""The tenant's web host: MTA-STS policies and the configuration of mail clients, on 80 and 443."""

import pulumi

from components.context import TenantContext
from components.edge import Edge
from components.service import Needs, Place, run_service


class WebHost(pulumi.ComponentResource):
    """Creates: the nginx container in the edge's namespace. Only for a tenant that has a web certificate.

    Replaced by: image, rendered files, web certificate. In place: memory, CPU shares. Outputs: `ports`.
    """

    def __init__(
        self,
        name: str,
        context: TenantContext,
        edge: Edge,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mailtenant:index:WebHost", name, None, opts)
        self.container = run_service(self, name, context, "web", Place(namespace_of=edge.container), Needs())
        self.register_outputs({"ports": [80, 443]})
