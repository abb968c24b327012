"""What the engine still holds of a tenant, found by its label, and its removal after a purge."""

import re
from dataclasses import dataclass
from typing import Any

import docker

from mailtenant.environment import tool_environment

TENANT_LABEL = "mailtenant.tenant"


@dataclass(frozen=True)
class Leftovers:
    """Names of engine objects that carry the tenant's label."""

    containers: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.containers or self.networks or self.volumes)


def engine_client(platform: str = "docker") -> Any:
    """A docker-py client for the tenant's engine: the local one, or `ssh://…`."""
    if platform != "docker":
        return docker.DockerClient(base_url=platform, use_ssh_client=True)
    return docker.from_env(environment=tool_environment())


def leftovers(client: Any, label: str) -> Leftovers:
    """Everything labelled with this tenant, stopped or running."""
    wanted = {"label": f"{TENANT_LABEL}={label}"}
    return Leftovers(
        tuple(sorted(c.name for c in client.containers.list(all=True, filters=wanted))),
        tuple(sorted(n.name for n in client.networks.list(filters=wanted))),
        tuple(sorted(v.name for v in client.volumes.list(filters=wanted))),
    )


def mail_servers(client: Any, label: str, prefix: str) -> list[Any]:
    """The tenant's mail servers that run, the further ones as well: whatever its stack file wants by now."""
    wanted = re.compile(rf"{re.escape(prefix)}-smtp(-[0-9]+)?")
    running = client.containers.list(filters={"label": f"{TENANT_LABEL}={label}"})
    return [one for one in running if wanted.fullmatch(one.name)]


def remove(client: Any, found: Leftovers) -> None:
    """Removes what `leftovers` found. Mail in those volumes is gone after this."""
    for name in found.containers:
        client.containers.get(name).remove(force=True)
    for name in found.networks:
        client.networks.get(name).remove()
    for name in found.volumes:
        client.volumes.get(name).remove()
