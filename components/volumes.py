"""Volumes of a tenant: data that must outlive everything, and what daemons share while they run."""

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from components.context import TENANT_LABEL, TenantContext


class MailVolume(pulumi.ComponentResource):
    """Creates: one volume `mt-<label>-<role>`.

    With `keep`, it is protected and retained: no `up`, no replace and no `destroy` deletes it; only `mailtenant purge`
    does. `before_delete` may refuse the deletion of one that is not kept.
    Nothing volatile stands in its inputs, for any change of a volume's name or labels replaces it. One that is there
    already is taken over, with the driver and options that an operator gave it (a disk of its own, a size).
    Outputs: `volume_name`.
    """

    def __init__(
        self,
        name: str,
        context: TenantContext,
        role: str,
        *,
        keep: bool,
        opts: pulumi.ResourceOptions | None = None,
        before_delete: Sequence[pulumi.ResourceHook] = (),
    ) -> None:
        super().__init__("mailtenant:index:MailVolume", name, None, opts)
        volume = docker.Volume(
            name,
            name=context.physical(role),
            labels=[docker.VolumeLabelArgs(label=TENANT_LABEL, value=context.settings.label)],
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=keep,
                retain_on_delete=keep,
                ignore_changes=["driver", "driver_opts"],
                hooks=pulumi.ResourceHookBinding(before_delete=list(before_delete)) if before_delete else None,
            ),
        )
        self.volume_name = volume.name
        self.register_outputs({"volume_name": self.volume_name})
