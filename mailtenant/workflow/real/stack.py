"""The tenant's stack: DNS phase into the stack file, `pulumi up` in a folder of its own, the tests, the way down.

By the CLI, not by `mailtenant.fleet.automation`: steps run in threads of one worker, and inline programs share one list
of hooks a process, so each would need a process of the pool; and a move takes stacks down as well, which that does not.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mailtenant.accounts.errors import AccountError
from mailtenant.check import Report, Status, run_check
from mailtenant.check.failures import CheckFailed
from mailtenant.check.place import Place
from mailtenant.check.probe import cannot_probe, throw_away_mailbox
from mailtenant.check.state import Check
from mailtenant.fleet.backend_locks import BackendLock, explain, is_locked, read_locks
from mailtenant.fleet.stack_edit import edit_config
from mailtenant.fleet.stacks import StackError, TenantStack
from mailtenant.fleet.work_dir import work_dir
from mailtenant.migration.evidence import Probe, SmokeTest
from mailtenant.settings import StackFile, load_stack_file
from mailtenant.settings.errors import SettingsErrors
from mailtenant.settings.existing import Phase
from mailtenant.settings.stackfile import DNS_PHASE
from mailtenant.workflow.ports import StepError

LOCK_SECONDS: Final = 900.0
CHECK_SECONDS: Final = 60.0
MAILBOX_STEP: Final = "mailbox"


@dataclass(frozen=True)
class PulumiStack:
    """`Stack` for a stack file of a project. `echo`: an address outside whose server answers with its judgement."""

    project: Path
    label: str
    echo: str | None = None

    @property
    def path(self) -> Path:
        return self.project / "stacks" / f"Pulumi.{self.label}.yaml"

    def file(self) -> StackFile:
        """Raises: StepError"""
        if not self.path.is_file():
            raise StepError(
                f"{self.label} has no stack file",
                f"mailtenant new {self.label} …, then mailtenant dns adopt",
                again=False,
            )
        try:
            return load_stack_file(self.path)
        except SettingsErrors as error:
            raise StepError(f"the stack file is not valid: {error}", f"mailtenant validate {self.path}") from None

    def up(self, phase: Phase) -> None:
        if self.file().dns_phase != phase:
            edit_config(self.project, self.path, lambda config: config.__setitem__(DNS_PHASE, phase))
        self._run(TenantStack.up)

    def smoke(self) -> SmokeTest:
        """`mailtenant check` by address; what needs DNS or an outside server is not asked yet."""
        report = self.check(echo=None)
        failed = tuple(f"{step.title}: {step.cause}" for step in report.steps if step.status is Status.FAILED)
        return SmokeTest(report.ok, failed)

    def round(self) -> tuple[Probe, ...]:
        """`mailtenant check` with everything: the `Probes` of the new side."""
        report = self.check(echo=self.echo)
        return tuple(
            Probe(step.name, step.status is Status.PASSED, step.cause or step.detail)
            for step in report.steps
            if step.status is not Status.SKIPPED
        )

    def check(self, echo: str | None) -> Report:
        settings, token = self.file().settings, secrets.token_hex(6)
        try:
            with throw_away_mailbox(settings, token) as login:
                place = Place.of(settings, CHECK_SECONDS)
                return run_check(Check(place, login, echo, CHECK_SECONDS, f"{token}{secrets.token_hex(6)}", _now))
        except AccountError as error:
            failed = cannot_probe(error)
            raise StepError(f"no mailbox for the check: {failed}", "see `mailtenant check`") from None

    def reach(self) -> Report:
        """The steps that need no mailbox: ports, certificate, no login in clear, no relay. During a hold a mailbox of
        ours would stand in the way of a rollback."""
        none, token = CheckFailed("not asked", ""), secrets.token_hex(12)
        report = run_check(Check(Place.of(self.file().settings, CHECK_SECONDS), none, None, CHECK_SECONDS, token, _now))
        return replace(report, steps=tuple(step for step in report.steps if step.name != MAILBOX_STEP))

    def take_down(self, *, keep: bool) -> None:
        if keep or not self.path.is_file():
            return
        if self._run(TenantStack.exists):
            self._run(TenantStack.take_down)

    def _run(self, operation: Callable[[TenantStack], object]) -> object:
        """Waits for another run of this stack to end: also one that a killed worker began, which ends by itself. A lock
        whose process is gone is cleared by a person."""
        deadline, before = time.monotonic() + LOCK_SECONDS, tuple[BackendLock, ...]()
        with work_dir(self.project) as folder:
            while True:
                try:
                    return operation(TenantStack(folder, self.label, quiet=True))
                except StackError as error:
                    if not is_locked(f"{error}{error.output}"):
                        raise StepError(
                            str(error), f"pulumi preview -s {self.label} --diff shows what it wants"
                        ) from None
                    locks = read_locks(error.output)
                    # Seen twice: the lock of a run that is just ending is there a moment longer than its process.
                    if locks and locks == before and all(lock.alive is False for lock in locks):
                        # Nobody will give it back. A killed worker's `pulumi` ends its run by itself, so this one was
                        # killed as well (a machine that went down): what it did not write down, a person looks at.
                        raise StepError(
                            explain(self.label, locks), f"then `mailtenant migrate retry {self.label}`", again=False
                        ) from None
                    before = locks
                    if time.monotonic() > deadline:
                        raise StepError(
                            f"the stack of {self.label} is locked by another run",
                            f"if no `pulumi` runs for it any more: pulumi cancel -s {self.label}",
                        ) from None
                    time.sleep(2)  # between two looks, with a deadline


def _now() -> datetime:
    return datetime.now(UTC)
