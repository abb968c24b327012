"""A caching resolver of the tenant's own, so that no neighbour's lookups and no lossy resolver stall its mail."""

import pulumi

from components.context import TenantContext
from components.edge import Edge
from components.service import Needs, Place, run_service


class Resolver(pulumi.ComponentResource):
    """Creates: the unbound container in the edge's namespace (127.0.0.1 and the edge's internal address, port 53).

    Replaced by: image, rendered files. In place: memory, CPU shares. Outputs: none.
    """

    def __init__(
        self, name: str, context: TenantContext, edge: Edge, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mailtenant:index:Resolver", name, None, opts)
        self.container = run_service(self, name, context, "resolver", Place(namespace_of=edge.container), Needs())
        self.register_outputs({})
