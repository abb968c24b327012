"""Edits of a stack file by commands, and secrets set in it by the Pulumi CLI."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mailtenant.cli import output
from mailtenant.environment import tool_environment
from mailtenant.fleet import stack_edit
from mailtenant.settings.secret_leaves import quoted_path


def edit_config(project: Path, path: Path, change: Callable[[Any], None]) -> None:
    """`mailtenant.fleet.stack_edit.edit_config`, naming files as people want to read them. Raises: SettingsErrors"""
    stack_edit.edit_config(project, path, change, output.shown_path)


def judge(project: Path, path: Path) -> None:
    """Raises: SettingsErrors"""
    stack_edit.judge(project, path, output.shown_path)


def set_secret(project: Path, label: str, leaf: tuple[str, ...], value: str) -> None:
    """Encrypts a value into the stack file. By stdin: arguments and environment can be read by others on the machine.

    Raises: CommandError, EnvironmentProblem
    """
    _config(project, ["set", "--secret", "--raw"], label, leaf, value, "the new key could not be encrypted")


def remove_secret(project: Path, label: str, leaf: tuple[str, ...]) -> None:
    """Raises: CommandError, EnvironmentProblem"""
    _config(project, ["rm"], label, leaf, "", "the old key could not be removed")


def _config(project: Path, words: list[str], label: str, leaf: tuple[str, ...], value: str, failed: str) -> None:
    command = ["pulumi", "config", *words, "--path", quoted_path(leaf), "--stack", label, "--non-interactive"]
    try:
        done = subprocess.run(
            command, cwd=project, env=tool_environment(), input=value, text=True, capture_output=True, check=False,
            timeout=120,
        )  # fmt: skip
    except FileNotFoundError:
        raise output.EnvironmentProblem("the Pulumi CLI was not found: run `make setup`") from None
    if done.returncode:
        said = (done.stderr.strip() or "no reason given").splitlines()[-1].removeprefix("error: ")
        raise output.CommandError(f"{failed}, nothing was changed: {said}")
