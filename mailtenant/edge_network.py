"""What the engine says of a tenant's edge network, as far as IPv6 goes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import TYPE_CHECKING

from mailtenant.host_capacity import engine_says

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings


@dataclass(frozen=True)
class EdgeNetwork:
    """`ipv6`: whether containers on it get IPv6 at all; `subnets6`: the networks that static addresses are of."""

    ipv6: bool
    subnets6: Sequence[IPv6Network]


def edge_network_of(settings: "TenantSettings", environment: Mapping[str, str]) -> EdgeNetwork:
    """Asks the tenant's engine; `environment` is that of the `docker` client.

    Raises: HostUnknown, also where the engine has no such network.
    """
    form = '{"ipv6":{{json .EnableIPv6}},"pools":{{json .IPAM.Config}}}'
    found = json.loads(engine_says(environment, "network", "inspect", "--format", form, settings.edge.network))
    subnets = [pool.get("Subnet") or "" for pool in found["pools"] or ()]
    return EdgeNetwork(bool(found["ipv6"]), [IPv6Network(subnet) for subnet in subnets if ":" in subnet])
