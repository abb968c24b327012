"""How much memory and processor each service of a tenant may use."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.names import Count

NamedSize = Literal["small", "medium", "large"]
Service = Literal["edge", "smtp", "imap", "filter", "cache", "resolver", "database", "dns", "web"]
SERVICE_NAMES: Final[tuple[Service, ...]] = (
    "edge",
    "smtp",
    "imap",
    "filter",
    "cache",
    "resolver",
    "database",
    "dns",
    "web",
)


class ServiceSize(Settings):
    """Limits of one service's container."""

    memory_mib: Count = setting(
        "memory; above it the kernel ends the service's largest process", Effect.IN_PLACE, ge=16, le=262_144
    )
    cpu_shares: Count = setting(
        "weight when processors are scarce; 1024 is one full share", Effect.IN_PLACE, ge=2, le=262_144
    )


def _sizes(table: Mapping[Service, tuple[int, int]]) -> Mapping[Service, ServiceSize]:
    return MappingProxyType({name: ServiceSize(memory_mib=m, cpu_shares=c) for name, (m, c) in table.items()})


# imap: the password scheme takes up to 64 MiB for each login that is checked at the same time.
NAMED_SIZES: Final[Mapping[NamedSize, Mapping[Service, ServiceSize]]] = MappingProxyType(
    {
        "small": _sizes(
            {
                "edge": (32, 64),
                "smtp": (256, 512),
                "imap": (512, 512),
                "filter": (512, 512),
                "cache": (128, 256),
                "resolver": (128, 256),
                "database": (256, 512),
                "dns": (64, 128),
                "web": (64, 128),
            }
        ),
        "medium": _sizes(
            {
                "edge": (32, 64),
                "smtp": (512, 1024),
                "imap": (1024, 1024),
                "filter": (1024, 1024),
                "cache": (256, 512),
                "resolver": (256, 512),
                "database": (512, 1024),
                "dns": (64, 128),
                "web": (64, 128),
            }
        ),
        "large": _sizes(
            {
                "edge": (32, 64),
                "smtp": (1024, 2048),
                "imap": (4096, 2048),
                "filter": (2048, 2048),
                "cache": (512, 1024),
                "resolver": (512, 1024),
                "database": (2048, 2048),
                "dns": (128, 256),
                "web": (64, 128),
            }
        ),
    }
)


class ServicePart(Settings):
    """A size of its own for one service; what is left out is taken from `base`."""

    memory_mib: Count | None = setting("memory", Effect.IN_PLACE, default=None, ge=16, le=262_144)
    cpu_shares: Count | None = setting(
        "weight when processors are scarce", Effect.IN_PLACE, default=None, ge=2, le=262_144
    )


class SizeTable(Settings):
    """A named size with changes for single services."""

    base: NamedSize = setting("the named size for whatever is not given here", Effect.IN_PLACE, default="small")
    edge: ServicePart = setting("holds the address", Effect.IN_PLACE, default=ServicePart())
    smtp: ServicePart = setting("Postfix", Effect.IN_PLACE, default=ServicePart())
    imap: ServicePart = setting("Dovecot", Effect.IN_PLACE, default=ServicePart())
    filter: ServicePart = setting("rspamd", Effect.IN_PLACE, default=ServicePart())
    cache: ServicePart = setting("valkey", Effect.IN_PLACE, default=ServicePart())
    resolver: ServicePart = setting("unbound", Effect.IN_PLACE, default=ServicePart())
    database: ServicePart = setting("PostgreSQL", Effect.IN_PLACE, default=ServicePart())
    dns: ServicePart = setting("nsd, with local zones", Effect.IN_PLACE, default=ServicePart())
    web: ServicePart = setting("nginx, with a web certificate", Effect.IN_PLACE, default=ServicePart())


def resolve_sizes(size: NamedSize | SizeTable) -> Mapping[Service, ServiceSize]:
    """Service → its limits."""
    if isinstance(size, str):
        return NAMED_SIZES[size]
    base = NAMED_SIZES[size.base]
    resolved: dict[Service, ServiceSize] = {}
    for name in SERVICE_NAMES:
        own: ServicePart = getattr(size, name)
        resolved[name] = ServiceSize(
            memory_mib=own.memory_mib or base[name].memory_mib, cpu_shares=own.cpu_shares or base[name].cpu_shares
        )
    return MappingProxyType(resolved)
