"""What a tenant reserves of its host's memory, beside what the other tenants there have reserved."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

MIB: Final = 1024**2
SHARE: Final = 4
"""A quarter of a service's limit is reserved: what it takes all the time. The rest is room for its worst hour."""


@dataclass(frozen=True)
class Host:
    """MiB: the memory of the tenant's host, and what its other tenants' containers reserve of it."""

    total_mib: int
    others_mib: int


class HostUnknown(RuntimeError):
    """The engine could not be asked."""


def reserved_mib(settings: "TenantSettings") -> int:
    """What the tenant's services reserve, each further mail server with its edge and resolver included."""
    sizes = settings.sizes
    names = [name for name in sizes if name != "web" or settings.has_web_host]
    further = len(settings.smtp_nodes) - 1
    extra = sum(sizes[name].memory_mib for name in ("edge", "resolver", "smtp")) * further
    return (sum(sizes[name].memory_mib for name in names) + extra) // SHARE


def host_of(settings: "TenantSettings", environment: Mapping[str, str]) -> Host:
    """Asks the tenant's engine; `environment` is that of the `docker` client.

    Raises: HostUnknown
    """
    label = "mailtenant.tenant"
    total = int(engine_says(environment, "info", "--format", "{{.MemTotal}}"))
    running = engine_says(environment, "ps", "-q", "--filter", f"label={label}").split()
    form = f'{{{{.HostConfig.Memory}}}} {{{{index .Config.Labels "{label}"}}}}'
    lines = engine_says(environment, "inspect", "-f", form, *running).splitlines() if running else []
    rows = [line.split() for line in lines]
    others = sum(int(memory) for memory, whose in rows if whose != settings.label)
    return Host(total // MIB, others // MIB // SHARE)


def engine_says(environment: Mapping[str, str], *arguments: str) -> str:
    """What `docker …` prints.

    Raises: HostUnknown
    """
    try:
        done = subprocess.run(
            ["docker", *arguments], env=dict(environment), capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostUnknown(type(error).__name__) from None
    if done.returncode:
        raise HostUnknown((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    return done.stdout
