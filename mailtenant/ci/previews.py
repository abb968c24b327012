"""Previews by the engine. A deployed stack's against its state; a new tenant's in a backend that is thrown away.

A pull request must leave no trace in the backend: a tenant that may never be merged gets no stack there. Its secrets
are under a passphrase that this job need not know, so that placeholders stand for them.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mailtenant.ci.engine import EngineChange, Mode, engine_change
from mailtenant.settings.document import read_document
from mailtenant.settings.errors import SettingsErrors
from mailtenant.settings.secret_leaves import is_encrypted

SECONDS: Final = 900
_COMMON: Final = ("--non-interactive", "--color", "never")


@dataclass(frozen=True)
class Previewer:
    """`project` is the folder of Pulumi.yaml, `environment` that of the tools; `policy` a policy pack, if there is one.

    `plans`: a folder for the plans of deployed stacks, which `ci deploy` carries out.
    """

    project: Path
    environment: Mapping[str, str]
    policy: Path | None = None
    plans: Path | None = None

    def preview(self, label: str) -> EngineChange:
        """The change of one tenant; whatever goes wrong is in it."""
        mode: Mode = "deployed"
        try:
            if not self._is_deployed(label):
                mode = "throwaway"
                return self._new(label)
            save = []
            if self.plans is not None:
                self.plans.mkdir(parents=True, exist_ok=True)
                save = ["--save-plan", str(self.plans / f"{label}.json")]
            return self._ask(label, mode, self.project, self.environment, save)
        except _Failed as failed:
            return EngineChange(label, mode, failure=(str(failed),))

    def drift(self, label: str) -> EngineChange:
        """What differs between the state and what really is, or between it and the program."""
        try:
            return self._ask(label, "drift", self.project, self.environment, ["--refresh", "--expect-no-changes"])
        except _Failed as failed:
            return EngineChange(label, "drift", failure=(str(failed),))

    def _is_deployed(self, label: str) -> bool:
        done = self._pulumi(["stack", "ls", "--json"], self.project, self.environment)
        if done.returncode:
            raise _Failed(f"the backend does not answer: {_last(done.stderr)}")
        try:
            stacks = json.loads(done.stdout or "[]")
        except ValueError:
            raise _Failed("`pulumi stack ls` gave no JSON") from None
        return any(stack["name"].rsplit("/", 1)[-1] == label for stack in stacks)

    def _new(self, label: str) -> EngineChange:
        with tempfile.TemporaryDirectory(prefix="mailtenant-preview-") as name:
            folder = Path(name) / "project"
            backend = Path(name) / "backend"
            (folder / "stacks").mkdir(parents=True)
            backend.mkdir()
            shutil.copy(self.project / "Pulumi.yaml", folder)
            shutil.copy(self.project / "stacks" / "__main__.py", folder / "stacks")
            # Pulumi.yaml names the virtual environment beside it.
            (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
            source = self.project / "stacks" / f"Pulumi.{label}.yaml"
            try:
                text = without_secrets(source)
            except SettingsErrors as error:
                return EngineChange(label, "throwaway", failure=tuple(p.text for p in error.problems))
            environment = {key: value for key, value in self.environment.items() if not key.startswith("PULUMI_CONFIG")}
            environment |= {
                "PULUMI_BACKEND_URL": f"file://{backend}",
                "PULUMI_CONFIG_PASSPHRASE": "thrown away",
                # The program is a copy, the code that it imports is the project's own.
                "PYTHONPATH": os.pathsep.join(
                    part for part in (str(self.project), environment.get("PYTHONPATH")) if part
                ),
            }
            made = self._pulumi(["stack", "init", label, "--no-select"], folder, environment)
            if made.returncode:
                return EngineChange(label, "throwaway", failure=(_last(made.stderr),))
            path = folder / "stacks" / f"Pulumi.{label}.yaml"
            salt = path.read_text(encoding="utf-8") if path.is_file() else ""
            path.write_text(salt + text, encoding="utf-8")
            return self._ask(label, "throwaway", folder, environment, [])

    def _ask(
        self, label: str, mode: Mode, folder: Path, environment: Mapping[str, str], options: Sequence[str]
    ) -> EngineChange:
        policy = ["--policy-pack", str(self.policy)] if self.policy else []
        command = ["preview", "--json", "--stack", label, "--suppress-outputs", *policy, *options]
        done = self._pulumi(command, folder, environment)
        failure = () if done.returncode == 0 else _failure(done)
        try:
            document = _document(done.stdout)
        except ValueError:
            return EngineChange(label, mode, failure=failure or ("the preview gave no JSON",))
        if mode == "drift" and failure:
            steps = engine_change(label, mode, document).steps
            failure = () if steps else failure  # differences are what was asked for, not a failure
        return engine_change(label, mode, document, failure)

    def _pulumi(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Raises: _Failed, if it is not there or does not end."""
        program = shutil.which("pulumi", path=environment.get("PATH"))
        if program is None:
            raise _Failed("the Pulumi CLI was not found: run `make setup`")
        try:
            return subprocess.run(
                [program, *arguments, *_COMMON],
                cwd=folder,
                env=dict(environment),
                text=True,
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise _Failed(f"no end of `pulumi {arguments[0]}` after {SECONDS} s") from None


class _Failed(Exception):
    pass


def without_secrets(stack_file: Path) -> str:
    """The stack file's `config` with a placeholder for every encrypted leaf. Raises: SettingsErrors."""
    value = read_document(stack_file, stack_file.name).value
    return "config: " + json.dumps(_placeholders(value.get("config", {}), ()), ensure_ascii=False) + "\n"


def _placeholders(value: Any, path: tuple[str, ...]) -> Any:
    if is_encrypted(value):
        return f"placeholder of {'.'.join(path)}"
    if isinstance(value, dict):
        return {key: _placeholders(below, (*path, str(key))) for key, below in value.items()}
    return [_placeholders(below, path) for below in value] if isinstance(value, list) else value


def _document(text: str) -> Mapping[str, Any]:
    """Raises: ValueError. A warning of the CLI may stand before the JSON."""
    found = json.loads(text[text.index("{") :])
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _failure(done: subprocess.CompletedProcess[str]) -> tuple[str, ...]:
    return tuple(line.removeprefix("error: ") for line in done.stderr.splitlines() if line.strip())[-12:]


def _last(text: str) -> str:
    return ([line for line in text.splitlines() if line.strip()] or ["no reason given"])[-1].removeprefix("error: ")
