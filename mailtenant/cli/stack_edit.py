"""Edits of a stack file that keep its comments: written, judged, and taken back if the judgement is bad."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from mailtenant.cli import output
from mailtenant.environment import tool_environment
from mailtenant.settings import check_fleet, load_fleet, load_stack_file
from mailtenant.settings.errors import SettingsErrors
from mailtenant.settings.secret_leaves import quoted_path


def edit_config(project: Path, path: Path, change: Callable[[Any], None]) -> None:
    """`change` gets the `config` table. The file stays as it was if the result is not valid.

    Raises: SettingsErrors
    """
    before = path.read_text(encoding="utf-8")
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(before)
    change(document["config"])
    out = io.StringIO()
    yaml.dump(document, out)
    part = path.with_name(f".{path.name}.part")
    part.write_text(out.getvalue(), encoding="utf-8")
    part.replace(path)
    try:
        judge(project, path)
    except BaseException:
        path.write_text(before, encoding="utf-8")
        raise


def judge(project: Path, path: Path) -> None:
    """The edited file must be valid, and stay out of the other tenants' way.

    Raises: SettingsErrors
    """
    edited = load_stack_file(path, output.shown_path(path))
    others = [one for one in load_fleet(project / "stacks", output.shown_path)[0] if one.file != edited.file]
    own = [problem for problem in check_fleet([*others, edited]) if problem.file == edited.file]
    if own:
        raise SettingsErrors(own)


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
