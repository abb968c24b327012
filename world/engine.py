"""The few things that the world asks of the Docker engine, each safe to ask twice.

An object carries the hash of what it was made from as a label: one that matches is used as it is, another is made anew.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

import docker.errors
from docker.types import IPAMConfig, IPAMPool

WORLD_LABEL = "mailtenant.world"
SPEC_LABEL = "mailtenant.world.spec"


class WorldError(Exception):
    """What is wrong, and the fix, in one line."""


class Engine:
    """A docker-py client, and the name of the world whose objects it handles."""

    def __init__(self, client: Any, world: str) -> None:
        self._client = client
        self._world = world

    def network(self, name: str, subnet: str, gateway: str, six: tuple[str, str] | None = None) -> None:
        """A bridge with this subnet and no way out of the machine; `six`: an IPv6 subnet and gateway beside it.

        Raises: WorldError when another is in the way and in use.
        """
        # Without masquerading, published ports work and packets to the real internet find no way back.
        options = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
        spec = _hash({"subnet": subnet, "gateway": gateway, "options": options, **({"six": six} if six else {})})
        found = self._find(self._client.networks, name)
        if found is not None:
            if found.attrs.get("Labels", {}).get(SPEC_LABEL) == spec:
                return
            self.remove_network(name)
        places = [(subnet, gateway), *([six] if six else [])]
        pool = IPAMConfig(pool_configs=[IPAMPool(subnet=net, gateway=way) for net, way in places])
        try:
            self._client.networks.create(
                name,
                driver="bridge",
                ipam=pool,
                enable_ipv6=six is not None,
                options=options,
                check_duplicate=True,
                labels=self._labels(spec),
            )
        except docker.errors.APIError as error:
            raise WorldError(f"network {name} ({subnet}) cannot be made: {error.explanation}") from error

    def remove_network(self, name: str) -> None:
        """Raises WorldError, naming them, while containers of others are attached."""
        found = self._find(self._client.networks, name)
        if found is None:
            return
        found.reload()
        attached = self._client.containers.list(all=True, filters={"network": name})
        ours = [container for container in attached if container.labels.get(WORLD_LABEL) == self._world]
        others = sorted(container.name for container in attached if container not in ours)
        if others:
            raise WorldError(f"network {name} is in use by {', '.join(others)}: take those tenants down first")
        for container in ours:
            container.remove(force=True)
        found.remove()

    def volume(self, name: str) -> None:
        if self._find(self._client.volumes, name) is None:
            self._client.volumes.create(name, labels={WORLD_LABEL: self._world})

    def container(
        self,
        name: str,
        image: str,
        arguments: Mapping[str, Any],
        *,
        network: str,
        address: str,
        address6: str | None = None,
    ) -> Any:
        """A container with this address (and IPv6 address), created or as found; not started here.

        Raises: WorldError when the image is missing.
        """
        try:
            image_id = self._client.images.get(image).id
        except docker.errors.ImageNotFound as error:
            raise WorldError(f"image {image} is not there: run `make images`") from error
        made_from = {"image": image_id, "network": network, "address": address, "arguments": arguments}
        spec = _hash({**made_from, **({"address6": address6} if address6 else {})})
        found = self._find(self._client.containers, name)
        if found is not None:
            if found.labels.get(SPEC_LABEL) == spec and self._is_attached(found, network):
                return found
            found.remove(force=True)
        api = self._client.api
        host = api.create_host_config(
            network_mode=network,
            restart_policy={"Name": "unless-stopped"},
            read_only=True,
            cap_drop=["ALL"],
            cap_add=arguments.get("capabilities", []),
            security_opt=["no-new-privileges"],
            sysctls={"net.ipv4.ip_unprivileged_port_start": "0"},
            init=True,
            log_config={"Type": "json-file", "Config": {"max-size": "5m", "max-file": "2"}},
            **arguments["host"],
        )
        endpoint = api.create_endpoint_config(ipv4_address=address, ipv6_address=address6)
        created = api.create_container(
            image_id,
            name=name,
            host_config=host,
            networking_config=api.create_networking_config({network: endpoint}),
            labels=self._labels(spec),
            **arguments["container"],
        )
        return self._client.containers.get(created["Id"])

    def remove_all(self) -> None:
        """Containers and volumes of this world."""
        ours = {"label": f"{WORLD_LABEL}={self._world}"}
        for container in self._client.containers.list(all=True, filters=ours):
            container.remove(force=True, v=True)
        for volume in self._client.volumes.list(filters=ours):
            volume.remove()

    def published_port(self, container: str, port: str) -> int:
        """Where a port is on 127.0.0.1 just now (`port` like `53/udp`); a restart gives another. Raises WorldError."""
        found = self._find(self._client.containers, container)
        if found is None:
            raise WorldError(f"container {container} is not there: bring the world up first")
        bindings = found.attrs["NetworkSettings"]["Ports"].get(port) or []
        if not bindings:
            raise WorldError(f"container {container} does not run: its log says why (docker logs {container})")
        return int(bindings[0]["HostPort"])

    def _is_attached(self, container: Any, network: str) -> bool:
        """A network that was made anew under the same name is another network."""
        named = container.attrs["NetworkSettings"]["Networks"].get(network)
        identifier = self._client.networks.get(network).id
        return named is not None and named.get("NetworkID") in ("", identifier)

    def _labels(self, spec: str) -> dict[str, str]:
        return {WORLD_LABEL: self._world, SPEC_LABEL: spec}

    @staticmethod
    def _find(collection: Any, name: str) -> Any | None:
        try:
            found = collection.get(name)
        except docker.errors.NotFound:
            return None
        return found if found.attrs.get("Name", "").lstrip("/") == name else None


def write_files(container: Any, folder: str, files: Mapping[str, str], owner: int, mode: int = 0o644) -> None:
    """Put text files into a folder on a volume, running or not. A name may lead into a folder below."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            data = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid, entry.gid = len(data), mode, owner, owner
            archive.addfile(entry, io.BytesIO(data))
    container.put_archive(folder, buffer.getvalue())


def read_file(container: Any, path: str) -> str | None:
    try:
        pieces, _ = container.get_archive(path)
    except docker.errors.NotFound:
        return None
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        content = archive.extractfile(archive.getmembers()[0])
        return content.read().decode() if content else None


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
