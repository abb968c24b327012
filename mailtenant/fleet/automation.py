"""Runs of stacks by Pulumi's Automation API: inline programs, so that a worker pays for Python and imports once.

Each run has a folder of its own, with a Pulumi home of its own (plugins shared), so no two runs write one workspace
file. The program is the project's `stacks/__main__.py` itself. `pulumi up` at the command line stays what it is.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import CodeType
from typing import Any

import pulumi
from pulumi import automation as auto
from pulumi.automation._stack import StackInitMode  # not exported by the package

from mailtenant.environment import tool_environment
from mailtenant.fleet.backend_locks import BackendLock, explain, is_locked, read_locks

Before = Callable[[Mapping[str, Any]], None]


class RunFailed(RuntimeError):
    """Pulumi refused or failed: its own words, without progress lines."""


class StackLocked(RuntimeError):
    """Another run holds the stack, or a dead one's lock is left."""

    def __init__(self, label: str, locks: tuple[BackendLock, ...]) -> None:
        super().__init__(explain(label, locks))
        self.locks = locks

    @property
    def ends_by_itself(self) -> bool:
        """Whether the holder is a process here that still runs."""
        return any(lock.alive for lock in self.locks)


@dataclass
class Change:
    """What a run did or would do: operation (`create`, `update`, `replace`, `delete`, `same`) → resources."""

    counts: dict[str, int] = field(default_factory=dict)

    @property
    def nothing(self) -> bool:
        return not any(number for op, number in self.counts.items() if op != "same")


def prepare_process() -> None:
    """Puts the tools' environment into this process's own: the program and the CLI both look there."""
    os.environ.update(tool_environment())


class StackRunner:
    """Runs stacks of one project, one at a time: Pulumi's servers for hooks are one list a process, and the end of a
    program stops them all (`_CallbackServicer.shutdown`). `stack_pool` has several processes of these."""

    def __init__(self, project: Path, *, home: Path | None = None) -> None:
        self.project = project
        self._home = home or Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
        self._command = _Command()
        self._code: CodeType | None = None

    def up(
        self, label: str, *, exports: Mapping[str, Any] | None = None, before: Before | None = None,
        refresh: bool = False, progress: Callable[[str], None] = lambda _: None,
    ) -> Change:  # fmt: skip
        """`pulumi up`. `exports` are further outputs of the stack; `before` gets the decrypted secrets before the
        program registers anything. `progress` gets a line a resource.

        Raises: StackLocked, RunFailed
        """
        with self._stack(label, exports or {}, before) as stack:
            return _run(label, lambda on_event: stack.up(
                on_event=on_event, refresh=refresh, suppress_outputs=True, color="never"
            ), progress)  # fmt: skip

    def preview(self, label: str, *, progress: Callable[[str], None] = lambda _: None) -> Change:
        """`pulumi preview`: no lock, nothing is changed. Raises: RunFailed"""
        with self._stack(label, {}, None) as stack:
            return _run(
                label, lambda on_event: stack.preview(on_event=on_event, suppress_outputs=True, color="never"), progress
            )

    @contextmanager
    def _stack(self, label: str, exports: Mapping[str, Any], before: Before | None) -> Iterator["_Stack"]:
        with TemporaryDirectory(prefix=f"mailtenant-{label}-") as name:
            folder = Path(name)
            (folder / "stacks").mkdir()
            shutil.copy(self.project / "Pulumi.yaml", folder)
            shutil.copy(self.project / "stacks" / f"Pulumi.{label}.yaml", folder / "stacks")
            workspace = auto.LocalWorkspace(
                work_dir=str(folder),
                pulumi_home=str(self._own_home(folder / "home")),
                program=self._program(exports, before),
                env_vars={},
                pulumi_command=self._command,
            )
            try:
                yield _Stack(label, workspace, StackInitMode.CREATE_OR_SELECT)
            except auto.errors.CommandError as error:
                raise _refusal(label, str(error), []) from None

    def _own_home(self, home: Path) -> Path:
        home.mkdir()
        for entry in self._home.iterdir() if self._home.is_dir() else ():
            # The workspaces' folder is what runs would share; locks on plugins must be shared.
            if entry.name != "workspaces":
                (home / entry.name).symlink_to(entry)
        return home

    def _program(self, exports: Mapping[str, Any], before: Before | None) -> Callable[[], None]:
        if self._code is None:
            path = self.project / "stacks" / "__main__.py"
            self._code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
        code = self._code

        def program() -> None:
            if before is not None:
                before(pulumi.Config("mailtenant").get_object("secrets") or {})
            exec(code, {"__name__": "__main__", "__file__": code.co_filename})  # noqa: S102 - the project's program
            for key, value in exports.items():
                pulumi.export(key, value)

        return program


class _Command(auto.PulumiCommand):
    """The CLI with its output in files instead of pipes. When this process is killed, a CLI that writes into a pipe
    nobody reads dies of it and leaves the stack's lock behind; one that writes into a file notices that its program is
    gone, stops in order and gives the lock back."""

    def run(
        self, args: list[str], cwd: str, additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None, on_error: Callable[[str], Any] | None = None,
    ) -> auto.CommandResult:  # fmt: skip
        environment = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        with TemporaryFile("w+", encoding="utf-8") as said, TemporaryFile("w+", encoding="utf-8") as complained:
            done = subprocess.run(
                [self.command, "--non-interactive", *args], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                stdout=said, stderr=complained, check=False,
            )  # fmt: skip
            for file in (said, complained):
                file.seek(0)
            result = auto.CommandResult(said.read().rstrip(), complained.read().rstrip(), done.returncode)
        if result.code:
            raise auto.errors.create_command_error(result)
        return result


class _Stack(auto.Stack):
    """Without the three calls of the CLI that the Automation API makes after each `up`: outputs, plain and decrypted,
    and the history. Nobody here asks for them, and secrets need not be decrypted for nothing."""

    def outputs(self) -> auto.OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:
        now = datetime.now(UTC)
        return auto.UpdateSummary("update", now, "", {}, {}, "succeeded", now)


def _run(label: str, run: Callable[[Callable[[Any], None]], Any], progress: Callable[[str], None]) -> Change:
    change, complaints = Change(), list[str]()

    def on_event(event: Any) -> None:
        if event.summary_event:
            change.counts = {str(getattr(op, "value", op)): n for op, n in event.summary_event.resource_changes.items()}
        elif (said := event.diagnostic_event) and said.severity == "error":
            complaints.append(" ".join(str(said.message).split()))
        elif event.resource_pre_event and event.resource_pre_event.metadata.op not in ("same", "read"):
            meta = event.resource_pre_event.metadata
            progress(f"{getattr(meta.op, 'value', meta.op)} {meta.urn.rsplit('::', 1)[-1]}")

    try:
        run(on_event)
    except auto.errors.CommandError as error:
        raise _refusal(label, str(error), complaints) from None
    return change


def _refusal(label: str, output: str, complaints: list[str]) -> RuntimeError:
    if is_locked(output):
        return StackLocked(label, read_locks(output))
    wanted = [line for line in complaints if line and not line.startswith("update failed")]
    if not wanted:
        lines = [line.strip() for line in output.splitlines() if "error:" in line]
        wanted = [line.split("error:", 1)[1].strip() for line in lines] or ["no reason given"]
    return RunFailed("; ".join(dict.fromkeys(wanted))[:2000])
