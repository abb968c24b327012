"""Where the shared host is, from `MAILTENANT_MIGRATE_…` variables; docs/migration.md lists them."""

from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from mailtenant.control.errors import Misconfigured
from mailtenant.control.variables import FromEnvironment
from mailtenant.environment import tool_environment
from mailtenant.runner import DockerRunner, Runner, SshRunner
from mailtenant.shared_host.paths import HostPaths


class SharedPlace(FromEnvironment):
    """How commands reach the shared host, and how it proves who it is."""

    prefix: ClassVar[str] = "MAILTENANT_MIGRATE_"

    shared_host: str = Field(default="", description="docker://CONTAINER or ssh://USER@HOST")
    shared_ca: Path | None = Field(default=None, description="PEM file of the CA of its certificate")
    shared_log: str = Field(
        default=HostPaths().log, description="the file there that holds the lines of Dovecot and Postfix"
    )

    def runner(self) -> Runner:
        """Raises: Misconfigured"""
        parts = urlsplit(self.shared_host)
        if parts.scheme == "docker" and parts.netloc:
            return DockerRunner(parts.netloc, tool_environment())
        if parts.scheme == "ssh" and parts.netloc:
            return SshRunner(parts.netloc)
        raise Misconfigured(
            "it is not said how to reach the shared host; "
            f"set {self.variable('shared_host')} to docker://CONTAINER or ssh://USER@HOST"
        )

    def ca(self) -> str:
        """Raises: Misconfigured"""
        try:
            return self.shared_ca.read_text(encoding="ascii") if self.shared_ca else ""
        except OSError as error:
            raise Misconfigured(f"{error.filename}: {error.strerror}; set {self.variable('shared_ca')}") from None
