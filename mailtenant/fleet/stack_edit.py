"""Edits of a stack file: written, judged, and taken back if the judgement is bad."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mailtenant.fleet.stack_text import editing, replace_text, with_config
from mailtenant.settings import check_fleet, load_fleet, load_stack_file
from mailtenant.settings.errors import SettingsErrors


def edit_config(project: Path, path: Path, change: Callable[[Any], None], shown: Callable[[Path], str] = str) -> None:
    """`change` gets the `config` table. The file stays as it was if the result is not valid. `shown`: how errors name
    a file.

    Raises: SettingsErrors
    """
    with editing(path) as before:
        replace_text(path, with_config(before, change))
        judge(project, path, shown)


def judge(project: Path, path: Path, shown: Callable[[Path], str] = str) -> None:
    """The edited file must be valid, and stay out of the other tenants' way.

    Raises: SettingsErrors
    """
    edited = load_stack_file(path, shown(path))
    others = [one for one in load_fleet(project / "stacks", shown)[0] if one.file != edited.file]
    own = [problem for problem in check_fleet([*others, edited]) if problem.file == edited.file]
    if own:
        raise SettingsErrors(own)
