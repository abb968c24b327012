"""What holds mail is protected."""

from typing import Final

from pulumi_policy import ReportViolation, StackValidationArgs, StackValidationPolicy

from mailtenant.rendering.services import SERVICES
from policy.values import CONTAINER, VOLUME, is_run, items, known, of_type

DATA: Final = frozenset(
    mount.path
    for spec in SERVICES.values()
    for mount in spec.volumes
    if mount.role in ("mail", "queue", "database") and not mount.read_only
)
"""Where daemons keep what must not be lost. By place, not by name: a renamed volume is found all the same."""


def protected_volumes(args: StackValidationArgs, report_violation: ReportViolation) -> None:
    volumes = {known(one.props, "name"): one for one in of_type(args, VOLUME)}
    for container in of_type(args, CONTAINER):
        if not is_run(container.props):
            continue
        for mount in items(container.props, "volumes"):
            path, name = known(mount, "containerPath"), known(mount, "volumeName")
            if path not in DATA or name is None:
                continue
            volume = volumes.get(name)
            if volume is None:
                report_violation(
                    f"{path} of {container.name} is on {name}, which this stack does not manage: nothing protects it; "
                    "mount a MailVolume with keep=True",
                    container.urn,
                )
            elif not volume.opts.protect:
                report_violation(
                    f"the volume {name} holds {path} of {container.name} and is not protected: one wrong change would "
                    "delete mail; make it a MailVolume with keep=True",
                    volume.urn,
                )


POLICIES: Final = (
    StackValidationPolicy(
        "protected-volumes",
        "Volumes with mail, queue or database are protected.",
        protected_volumes,
        remediation_steps="Use MailVolume(…, keep=True); to give a volume up, `mailtenant purge`.",
    ),
)
