"""Rendered files judged by the daemon they are for, in its own image and in a container that is gone afterwards."""

import io
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from mailtenant.rendering.services import SERVICES
from mailtenant.settings.size import Service

if TYPE_CHECKING:
    from mailtenant.rendering import RenderedFile
    from mailtenant.settings import TenantSettings

CHECKED: Final[tuple[Service, ...]] = ("smtp", "imap", "filter")
"""Services whose image brings a `check-config`."""

_SECONDS: Final = 120
_LINES: Final = 12


class ConfigRefused(ValueError):
    """The daemon's own words about a configuration that it does not take."""


def check_config(
    settings: "TenantSettings", service: Service, files: Sequence["RenderedFile"], environment: Mapping[str, str]
) -> None:
    """Runs the checker of the service's image over its files. `environment`: that of the `docker` client.

    Raises: ConfigRefused, also if the checker could not be run: what was not judged is not taken for good.
    """
    command = ["docker", "run", "--rm", "-i", "--network", "none", "--user", "0:0", "--memory", "512m"]
    command += ["--security-opt", "no-new-privileges", "--label", f"mailtenant.check={settings.label}"]
    command += ["--entrypoint", "/usr/local/bin/check-config", f"mailtenant/{service}:{settings.release}"]
    try:
        done = subprocess.run(
            command,
            input=_tar(SERVICES[service].config_path, files),
            env=dict(environment),
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigRefused(f"{service}: its configuration could not be checked: {type(error).__name__}") from None
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines() or ["no reason given"]
        words = "\n".join(f"  {line}" for line in said[-_LINES:])
        raise ConfigRefused(
            f"{service}: {SERVICES[service].daemon} does not take the new configuration; what runs stays as it is. "
            f"Put `tuning` right in stacks/Pulumi.{settings.label}.yaml:\n{words}"
        )


def _tar(root: str, files: Sequence["RenderedFile"]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for file in files:
            content = file.content.encode()
            entry = tarfile.TarInfo(file.path.removeprefix(root).lstrip("/"))
            entry.size, entry.mode = len(content), 0o444
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
