"""Files for containers whose root is read-only: a never-started carrier container uploads them into a volume.

Immutable sets (`immutable_files`) live in a volume named by their content, so a change makes a new volume and carrier,
then replaces the service, then drops the old ones: no half-written file under a live daemon, and the old set is the
way back. Each set is a resource of its own, named by its content in the state as well: an `up` that breaks halfway has
both there, and whichever the next one wants is there already (decision 0040). Live sets (`live_files`) are uploaded
into a volume that stays; daemons re-read them by themselves.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.context import TENANT_LABEL, TenantContext
from mailtenant.rendering import RenderedFile


@dataclass(frozen=True)
class Upload:
    """One file: its path in the volume's containers, its text (an Output where it is secret), its octal permissions."""

    path: str
    content: pulumi.Input[str]
    permissions: str = "0444"


@dataclass(frozen=True)
class Delivered:
    """A volume that holds files, and the carrier that a reader must wait for."""

    volume_name: pulumi.Output[str]
    carrier: docker.Container


def content_hash(files: Sequence[RenderedFile]) -> str:
    """12 hex digits over paths and contents: the name of a config volume."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.path}\0{len(file.content)}\0{file.content}".encode())
    return digest.hexdigest()[:12]


def immutable_files(
    parent: pulumi.Resource,
    name: str,
    context: TenantContext,
    role: str,
    version: str,
    mount: str,
    uploads: Sequence[Upload],
    before_create: Sequence[pulumi.ResourceHook] = (),
) -> Delivered:
    """A volume `mt-<label>-<role>-<version>` and its carrier, both created for a version and deleted with it.

    Never replaced: what a replacement leaves to be deleted later would bear the name that an undo wants back.
    """
    physical, logical = context.physical(f"{role}-{version}"), f"{name}-{version}"
    volume = docker.Volume(
        logical,
        name=physical,
        labels=[_volume_label(context)],
        opts=pulumi.ResourceOptions(parent=parent, aliases=[pulumi.Alias(name=name)]),
    )
    options = pulumi.ResourceOptions(
        parent=parent,
        hooks=_before(before_create),
        aliases=[pulumi.Alias(name=f"{name}-carrier")],
        ignore_changes=["image"],  # it never starts; a new release would replace it, under a name that is taken
    )
    carrier = _carrier(f"{logical}-carrier", context, physical, volume.name, mount, uploads, options)
    return Delivered(volume.name, carrier)


def live_files(
    parent: pulumi.Resource,
    name: str,
    context: TenantContext,
    role: str,
    volume_name: pulumi.Output[str],
    mount: str,
    uploads: Sequence[Upload],
    after: Sequence[pulumi.Resource] = (),
    before_create: Sequence[pulumi.ResourceHook] = (),
) -> Delivered:
    """Files uploaded into a volume that stays. A change replaces just this carrier, never a service."""
    options = pulumi.ResourceOptions(
        parent=parent, delete_before_replace=True, depends_on=list(after), hooks=_before(before_create)
    )
    carrier = _carrier(name, context, context.physical(f"{role}-carrier"), volume_name, mount, uploads, options)
    return Delivered(volume_name, carrier)


def secret_uploads(mount: str, files: Mapping[str, tuple[str, str]]) -> list[Upload]:
    """File name → (content, permissions) as uploads whose content is encrypted in state and blank in diffs."""
    return [
        Upload(f"{mount}/{name}", pulumi.Output.secret(content), permissions)
        for name, (content, permissions) in sorted(files.items())
    ]


def _before(hooks: Sequence[pulumi.ResourceHook]) -> pulumi.ResourceHookBinding | None:
    return pulumi.ResourceHookBinding(before_create=list(hooks)) if hooks else None


def _volume_label(context: TenantContext) -> docker.VolumeLabelArgs:
    return docker.VolumeLabelArgs(label=TENANT_LABEL, value=context.settings.label)


def _carrier(
    logical: str,
    context: TenantContext,
    physical: str,
    volume_name: pulumi.Output[str],
    mount: str,
    uploads: Sequence[Upload],
    options: pulumi.ResourceOptions,
) -> docker.Container:
    return docker.Container(
        logical,
        name=physical,
        image=context.images["edge"],
        start=False,
        must_run=False,
        network_mode="none",
        labels=[docker.ContainerLabelArgs(label=TENANT_LABEL, value=context.settings.label)],
        volumes=[docker.ContainerVolumeArgs(container_path=mount, volume_name=volume_name)],
        uploads=[
            docker.ContainerUploadArgs(file=upload.path, content=upload.content, permissions=upload.permissions)
            for upload in uploads
        ],
        opts=options,
    )
