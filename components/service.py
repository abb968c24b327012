"""One service container, run as the table of services says. Every service component is built from this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from components.context import TENANT_LABEL, TenantContext
from components.files import Delivered, Upload, content_hash, immutable_files, secret_uploads
from mailtenant.config_check import CHECKED
from mailtenant.rendering import SERVICES, ServiceSpec
from mailtenant.rendering.services import Healthcheck
from mailtenant.secrets import fingerprint, node_secret_files, secret_files
from mailtenant.settings.size import Service

SECRETS_IN = "/run/secrets-in"


@dataclass(frozen=True)
class Place:
    """Where a container stands: on networks of its own (`networks`), or in another's namespace (`namespace_of`)."""

    networks: Sequence[docker.ContainerNetworksAdvancedArgs] = ()
    namespace_of: docker.Container | None = None
    hostname: str | None = None
    dns: Sequence[str] = ()
    ports: Sequence[docker.ContainerPortArgs] = ()


@dataclass(frozen=True)
class Needs:
    """What must be there before the container starts: volumes by role, and anything else that has to be ready."""

    volumes: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    after: Sequence[pulumi.Resource] = ()


def run_service(
    parent: pulumi.Resource, name: str, context: TenantContext, service: Service, place: Place, needs: Needs
) -> docker.Container:
    """Config and secrets delivered, then the container; `up` waits until its healthcheck passes.

    Replaced by: image, files, address, ports, capabilities. In place: memory, CPU shares.
    """
    spec = SERVICES[service]
    delivered = _deliver(parent, name, context, spec)
    size = context.settings.sizes[service]
    return docker.Container(
        name,
        docker.ContainerArgs(
            name=context.physical(service),
            image=context.images[service],
            user=spec.user,
            read_only=spec.read_only or None,
            init=True,
            restart="unless-stopped",
            security_opts=["no-new-privileges"],
            capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"], adds=sorted(spec.capabilities)),
            tmpfs=spec.tmpfs or None,
            memory=size.memory_mib,
            memory_swap=size.memory_mib,
            cpu_shares=size.cpu_shares,
            envs=[f"MAILTENANT_EDGE_ADDRESS={context.place.address}"] if place.namespace_of else None,
            network_mode=place.namespace_of.id.apply(lambda id_: f"container:{id_}") if place.namespace_of else None,
            networks_advanced=list(place.networks) or None,
            hostname=place.hostname,
            dns=list(place.dns) or None,
            ports=list(place.ports) or None,
            volumes=_mounts(spec, delivered, needs),
            healthcheck=_healthcheck(context, spec.healthcheck) if spec.healthcheck else None,
            log_driver="json-file",
            log_opts={"max-size": "10m", "max-file": "5"},
            labels=_labels(context, service),
            stop_timeout=spec.stop_timeout,
            destroy_grace_seconds=spec.stop_timeout,
            wait=True if spec.healthcheck else None,
            wait_timeout=spec.wait_timeout if spec.healthcheck else None,
        ),
        opts=pulumi.ResourceOptions(
            parent=parent,
            delete_before_replace=True,
            # The provider calls these in place and just records them: the running container would stay as it was.
            replace_on_changes=["healthcheck", "init", "tmpfs"],
            depends_on=[*(files.carrier for files in delivered.values()), *needs.after],
        ),
    )


def _deliver(parent: pulumi.Resource, name: str, context: TenantContext, spec: ServiceSpec) -> dict[str, Delivered]:
    delivered = {}
    files = context.files.get(spec.name, ())
    if files:
        uploads = [Upload(file.path, file.content) for file in files]
        judged = context.before_config is not None and spec.name in CHECKED
        delivered[spec.config_path] = immutable_files(
            parent,
            f"{name}-config",
            context,
            f"{spec.name}-config",
            content_hash(files),
            spec.config_path,
            uploads,
            before_create=[context.before_config(name, spec.name, files)] if judged and context.before_config else (),
        )
    if spec.secrets:
        secrets = (
            secret_files(context.settings, context.secrets)[spec.name]
            if context.node is None
            else node_secret_files(context.settings, context.secrets)
        )
        modes = {file.name: file.mode for file in spec.secrets}
        uploads = secret_uploads(SECRETS_IN, {n: (v.get_secret_value(), modes[n]) for n, v in secrets.items()})
        version = fingerprint(context.secrets, secrets)
        delivered[SECRETS_IN] = immutable_files(
            parent, f"{name}-secrets", context, f"{spec.name}-secrets", version, SECRETS_IN, uploads
        )
    return delivered


def _mounts(spec: ServiceSpec, delivered: Mapping[str, Delivered], needs: Needs) -> list[docker.ContainerVolumeArgs]:
    mounts = [
        docker.ContainerVolumeArgs(container_path=path, volume_name=files.volume_name, read_only=True)
        for path, files in delivered.items()
    ]
    mounts += [
        docker.ContainerVolumeArgs(
            container_path=mount.path, volume_name=needs.volumes[mount.role], read_only=mount.read_only or None
        )
        for mount in spec.volumes
    ]
    return mounts


def _healthcheck(context: TenantContext, check: Healthcheck) -> docker.ContainerHealthcheckArgs:
    return docker.ContainerHealthcheckArgs(
        tests=["CMD", "/usr/local/bin/healthcheck"],
        interval=f"{context.settings.tuning.health.interval_seconds}s",
        timeout=f"{check.timeout}s",
        start_period=f"{check.start_period}s",
        retries=check.retries,
    )


def _labels(context: TenantContext, service: str) -> list[docker.ContainerLabelArgs]:
    labels = {TENANT_LABEL: context.settings.label, "mailtenant.service": service}
    return [docker.ContainerLabelArgs(label=label, value=value) for label, value in labels.items()]
