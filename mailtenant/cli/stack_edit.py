"""Edits of a stack file by commands, and secrets set in it by the Pulumi CLI."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from mailtenant.cli import output
from mailtenant.environment import tool_environment
from mailtenant.fleet import stack_edit, stack_text
from mailtenant.settings.secret_leaves import quoted_path


def edit_config(project: Path, path: Path, change: Callable[[Any], None]) -> None:
    """`mailtenant.fleet.stack_edit.edit_config`, naming files as people want to read them. Raises: SettingsErrors"""
    stack_edit.edit_config(project, path, change, output.shown_path)


@contextmanager
def only_editor(stacks: Path) -> Iterator[None]:
    """From the look at a stack file to the end of its edit; says so if another command is at it."""
    with stack_text.only_editor(stacks, _waits):
        yield


@contextmanager
def editing(path: Path) -> Iterator[str]:
    """As `only_editor`; gives the file's text, which the file has again if the command fails."""
    with only_editor(path.parent), stack_text.editing(path) as before:
        yield before


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


def _waits() -> None:
    typer.echo("waiting: another command edits stack files", err=True)
