"""Where a tenant's containers are, and how to run something in one of them."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from mailtenant.accounts.errors import AccountsUnavailable

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

_EXEC_SECONDS = 120


@dataclass(frozen=True)
class TenantEngine:
    """The engine that a tenant runs on. `environment` is for the `docker` client."""

    label: str
    prefix: str
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, settings: "TenantSettings") -> Self:
        """The local engine that setup knows, or the tenant's own `ssh://` one."""
        from mailtenant.environment import tool_environment

        environment = tool_environment()
        if settings.platform != "docker":
            environment["DOCKER_HOST"] = settings.platform
        return cls(settings.label, settings.prefix, environment)

    def container(self, service: str) -> str:
        """The name of a service's container."""
        return f"{self.prefix}-{service}"

    def run(self, service: str, command: Sequence[str], *, user: str, stdin: str | None = None) -> str:
        """Runs a command in a service's container and gives its output. Arguments are passed as they are: no shell.

        Raises: AccountsUnavailable
        """
        name = self.container(service)
        try:
            done = subprocess.run(
                ["docker", "exec", *(["-i"] if stdin is not None else []), "-u", user, name, *command],
                env=dict(self.environment),
                input=stdin or "",
                capture_output=True,
                text=True,
                timeout=_EXEC_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise AccountsUnavailable(
                explain_complaint(self.label, name, "docker: No such file or directory")
            ) from None
        except subprocess.TimeoutExpired:
            raise AccountsUnavailable(
                f"{name} did not finish within {_EXEC_SECONDS} s; see `docker logs {name}`"
            ) from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise AccountsUnavailable(explain_complaint(self.label, name, lines[-1]))
        return done.stdout


def explain_complaint(label: str, container: str, complaint: str) -> str:
    """What the `docker` client said, as what it means for the tenant and the fix."""
    if "No such container" in complaint:
        return f"tenant {label} is not up on this engine (no container {container}); bring it up: pulumi up -s {label}"
    if "is not running" in complaint or "is paused" in complaint or "is restarting" in complaint:
        return f"{container} is not running; its last words: docker logs {container}"
    if "Cannot connect to the Docker daemon" in complaint or "error during connect" in complaint:
        return "no Docker engine answers; start it, or name it in DOCKER_HOST"
    if complaint.startswith("docker: "):
        return "the `docker` client is not on PATH; install it (Debian: docker.io)"
    if "socat" in complaint or not complaint:
        return f"the database of {label} is not ready; wait some seconds, or see: docker logs {container}"
    return f"{container}: {complaint}"
