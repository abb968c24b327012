"""A mail volume of the new side that can get full: a memory disk of a fixed size in the place of the engine's folder,
as a host with quotas or a volume a tenant gives it (docs/operations.md).

Such a disk lives as long as somebody uses it, so a container of its own holds it while the tenant's are replaced.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mailtenant.fleet.leftovers import TENANT_LABEL
from world.simulation import RELEASE

Run = Callable[..., str]
HERE, FILLER = "/var/vmail", "/var/vmail/.filler"


@dataclass(frozen=True)
class SmallDisk:
    """`run` runs a command and gives its output; both objects carry the tenant's label, and go with it."""

    run: Run
    label: str
    mib: int = 96

    @property
    def _keeper(self) -> str:
        return f"mt-{self.label}-keeper"

    def make(self) -> None:
        """Before the tenant's servers are made: they take the volume that is there."""
        label, volume = f"{TENANT_LABEL}={self.label}", f"mt-{self.label}-mail"
        options = [f"--opt={one}" for one in ("type=tmpfs", "device=tmpfs", f"o=size={self.mib}m")]
        self.run("docker", "volume", "create", "--label", label, *options, volume)
        image = f"mailtenant/imap:{RELEASE.read_text(encoding='utf-8').strip()}"
        self.run(
            "docker", "run", "--detach", "--name", self._keeper, "--label", label, "--network", "none", "--init",
            "--no-healthcheck", "--user", "0", "--entrypoint", "sleep", "--volume", f"{volume}:{HERE}", image,
            "infinity",
        )  # fmt: skip

    @contextmanager
    def full(self) -> Iterator[None]:
        """Within it not an octet more can be written there."""
        self._shell(f"dd if=/dev/zero of={FILLER} bs=64k 2>/dev/null; cat /dev/zero >>{FILLER} 2>/dev/null; true")
        try:
            yield
        finally:
            self._shell(f"rm -f {FILLER}")

    def _shell(self, script: str) -> None:
        self.run("docker", "exec", self._keeper, "sh", "-c", script)
