"""The tenant's internal network: database, filter, cache and the edge; no route out, a small explicit subnet."""

import pulumi
import pulumi_docker as docker

from components.context import TENANT_LABEL, TenantContext


class TenantNetworks(pulumi.ComponentResource):
    """Creates: the internal bridge network. Replaced by: any change of its subnet, and with it every container on it.

    The edge network is not created here: it belongs to the host (a bridge in the embedded default, macvlan or ipvlan
    elsewhere) and is named in the settings. Outputs: `internal` (the network's name).
    """

    def __init__(self, name: str, context: TenantContext, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mailtenant:index:TenantNetworks", name, None, opts)
        settings = context.settings
        subnet = settings.internal.subnet
        network = docker.Network(
            f"{name}-internal",
            name=context.physical("internal"),
            driver="bridge",
            internal=True,
            # Explicit: the engine's default pools end at the 32nd network, and another subnet later is a replace.
            ipam_configs=[docker.NetworkIpamConfigArgs(subnet=str(subnet), gateway=str(subnet[1]))],
            labels=[docker.NetworkLabelArgs(label=TENANT_LABEL, value=settings.label)],
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.internal = network.name
        self.register_outputs({"internal": self.internal})
