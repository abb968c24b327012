"""One tenant's stack as an object: up, take down, purge.

Drives the Pulumi CLI, whose progress people know how to read.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from mailtenant.environment import tool_environment


class StackError(RuntimeError):
    """The Pulumi CLI refused or failed; the message says what to do.

    `output` is what it printed, when that was captured.
    """

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class MachineLacks(StackError):
    """The CLI itself is not there, or the passphrase that it needs."""


@dataclass(frozen=True)
class TenantStack:
    """The stack of `label` in the Pulumi project at `project` (the folder of Pulumi.yaml).

    `quiet`: nothing is printed; what the CLI said last is in the error.
    """

    project: Path
    label: str
    quiet: bool = False

    def select(self, *, create: bool = False) -> None:
        """Raises: StackError if the backend has no such stack and `create` is not set."""
        self._run(["stack", "select", self.label, *(["--create"] if create else [])], show=False)

    def up(self) -> None:
        """`pulumi up` without questions, after a refresh: drift and rebuilt images are seen. Raises: StackError."""
        self._run(["up", "--refresh", "--yes", "--skip-preview", "--suppress-outputs"])

    def outputs(self) -> dict[str, object]:
        """The stack's plain outputs; secret ones read `[secret]`."""
        outputs: dict[str, object] = json.loads(self._run(["stack", "output", "--json"], show=False))
        return outputs

    def take_down(self, *, run_program: bool = False) -> None:
        """Destroys all but what is protected: mail, queue and database stay on their volumes and in the state.

        `run_program`: for a tenant with several mail servers, whose queues are looked at before they are deleted.
        """
        command = ["destroy", "--yes", "--skip-preview", "--exclude-protected", "--suppress-outputs"]
        self._run([*command, *(["--run-program"] if run_program else [])])

    def forget(self, *, purge: bool = False) -> None:
        """Unprotects and destroys everything, then removes the stack from the backend; the stack file stays.

        Retained volumes stay on the engine: the caller removes them (`mailtenant.fleet.leftovers`). `purge`: the queues
        of further mail servers go with what is in them.
        """
        self._run(["state", "unprotect", "--all", "--yes"], show=False)
        extra, environment = (["--run-program"], {"MAILTENANT_PURGE": self.label}) if purge else ([], {})
        self._run(["destroy", "--yes", "--skip-preview", "--suppress-outputs", *extra], environment=environment)
        self._run(["stack", "rm", "--yes", "--preserve-config"], show=False)

    def exists(self) -> bool:
        """Whether the backend knows this stack."""
        listed = json.loads(self._pulumi(["stack", "ls", "--json"], capture=True) or "[]")
        return any(stack["name"].rsplit("/", 1)[-1] == self.label for stack in listed)

    def _run(self, arguments: Sequence[str], *, show: bool = True, environment: Mapping[str, str] | None = None) -> str:
        # `stack select` and `stack rm` take the stack as their argument, all else by option.
        named = arguments[:2] == ["stack", "select"]
        return self._pulumi(
            [*arguments, *([] if named else ["--stack", self.label])], capture=self.quiet or not show, extra=environment
        )

    def _pulumi(self, arguments: Sequence[str], *, capture: bool, extra: Mapping[str, str] | None = None) -> str:
        environment = {**tool_environment(), **(extra or {})}
        if (
            not {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & environment.keys()
            and self._needs_passphrase()
        ):
            raise MachineLacks(
                f"stack {self.label} is encrypted with a passphrase and none is set: "
                "export PULUMI_CONFIG_PASSPHRASE_FILE=<file> (the demo tenant's: stacks/demo-passphrase.txt)"
            )
        with ExitStack() as files:
            # Files, no pipes: a CLI whose parent is killed would die of the first line that it writes into a pipe, and
            # leave the stack's lock behind. Into files it writes on, ends its run in order and gives the lock back.
            said, complained = (
                files.enter_context(TemporaryFile("w+", encoding="utf-8")) if capture else None for _ in range(2)
            )
            try:
                done = subprocess.run(
                    ["pulumi", *arguments, "--non-interactive", "--color", "never" if capture else "auto"],
                    cwd=self.project,
                    env=environment,
                    check=False,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=complained,
                )
            except FileNotFoundError:
                raise MachineLacks("the Pulumi CLI was not found: run `make setup`") from None
            printed, errors = ("" if file is None else _read(file) for file in (said, complained))
        if done.returncode:
            output = (printed + errors).strip()
            last = output.splitlines()[-1] if output else "see its messages above"
            raise StackError(f"`pulumi {arguments[0]}` of {self.label} failed: {last}", output)
        return printed

    def _needs_passphrase(self) -> bool:
        file = self.project / "stacks" / f"Pulumi.{self.label}.yaml"
        return file.is_file() and "encryptionsalt:" in file.read_text(encoding="utf-8")


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
