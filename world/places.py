"""What the simulated internet must know of a tenant: its host, its address, and the zones that it serves itself."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailtenant.settings import StackFile


@dataclass(frozen=True)
class TenantPlace:
    """`zones` are delegated to `address`; the reverse zone leads from `address` back to `host`."""

    host: str
    address: str
    zones: tuple[str, ...]


def places_of(stack_files: Iterable[StackFile]) -> list[TenantPlace]:
    """As the stack files say; zones that others serve (a provider, somebody by hand) are not delegated."""
    return [place for stack_file in stack_files for place in (_place(stack_file), *_further(stack_file))]


def _further(stack_file: StackFile) -> list[TenantPlace]:
    """Mail servers beyond the first: an address that leads back to a name, no zone. Those listed ahead as well."""
    settings = stack_file.settings
    addresses = enumerate(settings.nodes.addresses, start=2)
    return [TenantPlace(f"mx{number}.{settings.host}", str(address), ()) for number, address in addresses]


def _place(stack_file: StackFile) -> TenantPlace:
    settings = stack_file.settings
    zones = [domain.name for domain in settings.domains if domain.dns.provider == "local"]
    if settings.platform_dns.provider == "local":
        zones.append(settings.host)
    return TenantPlace(settings.host, str(settings.edge.address), tuple(zones))
