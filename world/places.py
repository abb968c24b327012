"""What the simulated internet must know of a tenant: its host, its address, and the zones that it serves itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from mailtenant.settings import StackFile


@dataclass(frozen=True)
class TenantPlace:
    """`zones` are delegated to `address`; the reverse zones lead from `address` and `address6` back to `host`."""

    host: str
    address: str
    zones: tuple[str, ...]
    address6: str | None = None


def places_of(stack_files: Iterable[StackFile]) -> list[TenantPlace]:
    """As the stack files say; zones that others serve (a provider, somebody by hand) are not delegated."""
    return [place for stack_file in stack_files for place in (_place(stack_file), *_further(stack_file))]


def _further(stack_file: StackFile) -> list[TenantPlace]:
    """Mail servers beyond the first: an address that leads back to a name, no zone. Those listed ahead as well."""
    settings = stack_file.settings
    sixes = [str(address) for address in settings.nodes.addresses6]
    addresses = enumerate(zip_longest(map(str, settings.nodes.addresses), sixes), start=2)
    return [TenantPlace(f"mx{number}.{settings.host}", four, (), six) for number, (four, six) in addresses if four]


def _place(stack_file: StackFile) -> TenantPlace:
    settings = stack_file.settings
    zones = [domain.name for domain in settings.domains if domain.dns.provider == "local"]
    if settings.platform_dns.provider == "local":
        zones.append(settings.host)
    address6 = str(settings.edge.address6) if settings.edge.address6 else None
    return TenantPlace(settings.host, str(settings.edge.address), tuple(zones), address6)
