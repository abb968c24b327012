"""At `up`, and only there, the edge network is asked whether it can hold the tenant's IPv6 addresses."""

import pulumi

from components.capacity_guard import AtUp
from mailtenant.accounts.engine import TenantEngine
from mailtenant.edge_network import edge_network_of
from mailtenant.host_capacity import HostUnknown
from mailtenant.settings import SettingsErrors, TenantSettings
from mailtenant.settings.live import edge_problems


def edge_network_fits(settings: TenantSettings) -> None:
    """Refuses an `up` with IPv6 addresses on a network without; the engine would say so in words of its own, and after
    the old edge is gone. A tenant without such addresses, and a preview, ask nobody.

    Raises: SettingsErrors; then nothing was changed.
    """
    if settings.edge.address6 is None or pulumi.runtime.is_dry_run():
        return
    try:
        network = edge_network_of(settings, TenantEngine.of(settings).environment)
    except HostUnknown:
        return  # the first resource will say so
    if problems := list(edge_problems(AtUp(settings), network.ipv6, network.subnets6)):
        raise SettingsErrors(problems)
