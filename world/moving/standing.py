"""Moves onto servers that stand: everything is real but a second `pulumi up` that has nothing to do.

Of a customer whose records are entered by hand no file of the servers depends on the DNS phase, so `up` in another
phase changes nothing; on a small machine each costs many seconds of looking at what is as it was. Where the servers do
not stand yet, where a phase is written anywhere, and while `always` says so, `up` is real.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mailtenant.dns import local_zones, policies
from mailtenant.fleet.stacks import TenantStack
from mailtenant.settings.existing import PHASES
from mailtenant.workflow.real.moves import RealMoves
from mailtenant.workflow.real.names import BY_HAND
from mailtenant.workflow.real.stack import PulumiStack

STAND, ALWAYS = "servers-stand", "always-up"
"""Files in the scene's folder: the first by the worker that made the servers, the second by a test."""


@contextmanager
def always(folder: Path) -> Iterator[None]:
    """Within it each `up` is real."""
    (folder / ALWAYS).touch()
    try:
        yield
    finally:
        (folder / ALWAYS).unlink()


@dataclass(frozen=True)
class StandingStack(PulumiStack):
    """`folder`: the scene's."""

    folder: Path = Path()

    def _run(self, operation: Callable[[TenantStack], object]) -> object:
        if (self.folder / STAND).exists() and not (self.folder / ALWAYS).exists() and self._phases_are_equal():
            return None
        done = super()._run(operation)
        (self.folder / STAND).touch()
        return done

    def _phases_are_equal(self) -> bool:
        """Whether what `up` makes is the same in each phase."""
        file = self.file()
        if any(domain.dns.provider != BY_HAND for domain in file.settings.domains):
            return False
        arguments = [(file.settings, file.existing, phase) for phase in PHASES]
        made = [(local_zones(*one), policies(*one)) for one in arguments]
        return all(one == made[0] for one in made)


@dataclass
class StandingMoves(RealMoves):
    """`RealMoves` whose stacks stand. `folder`: the scene's."""

    folder: Path = Path()

    def stack(self, label: str) -> PulumiStack:
        return StandingStack(self.project, label, self.places.echo or None, self.folder)
