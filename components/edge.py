"""The tenant's own address: a container that does nothing but hold it, for others to join."""

import pulumi
import pulumi_docker as docker

from components.context import TenantContext
from components.service import Needs, Place, run_service
from mailtenant.rendering.services import EDGE_PORTS, NODE_PORTS, WEB_PORTS


class Edge(pulumi.ComponentResource):
    """Creates: the edge container, with its static addresses on the edge network (IPv4; IPv6 where the settings have
    one), an internal address and the published ports (IPv4).

    Clients use one host name for every port, so SMTP, IMAP and the resolver join this container's network namespace;
    the client's address, the egress address and the EHLO name are then right. Replaced by: addresses, network,
    published ports; all that joined it is replaced with it. Outputs: `container_id`, `address`, `address6`.
    """

    def __init__(
        self,
        name: str,
        context: TenantContext,
        internal: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mailtenant:index:Edge", name, None, opts)
        settings, node = context.settings, context.place
        ports = (*EDGE_PORTS, *(WEB_PORTS if settings.has_web_host else ())) if node.number == 1 else NODE_PORTS
        place = Place(
            # The full name as hostname and no domainname: joined containers read a domain back,
            # and would be replaced for ever.
            hostname=node.host,
            # The engine's embedded resolver forwards to the tenant's own (unbound), which joins this namespace.
            dns=("127.0.0.1",),
            networks=(
                docker.ContainerNetworksAdvancedArgs(
                    name=settings.edge.network,
                    ipv4_address=str(node.address),
                    ipv6_address=str(node.address6) if node.address6 else None,
                ),
                docker.ContainerNetworksAdvancedArgs(name=internal, ipv4_address=node.internal),
            ),
            ports=tuple(
                docker.ContainerPortArgs(internal=port, external=port, ip=str(node.publish), protocol="tcp")
                for port in (ports if node.publish else ())
            ),
        )
        self.container = run_service(self, name, context, "edge", place, Needs())
        address6 = str(node.address6) if node.address6 else None
        self.register_outputs({"container_id": self.container.id, "address": str(node.address), "address6": address6})
