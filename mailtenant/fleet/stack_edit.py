"""Edits of a stack file that keep its comments: written, judged, and taken back if the judgement is bad."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from mailtenant.settings import check_fleet, load_fleet, load_stack_file
from mailtenant.settings.errors import SettingsErrors


def edit_config(project: Path, path: Path, change: Callable[[Any], None], shown: Callable[[Path], str] = str) -> None:
    """`change` gets the `config` table. The file stays as it was if the result is not valid. `shown`: how errors name
    a file.

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
        judge(project, path, shown)
    except BaseException:
        path.write_text(before, encoding="utf-8")
        raise


def judge(project: Path, path: Path, shown: Callable[[Path], str] = str) -> None:
    """The edited file must be valid, and stay out of the other tenants' way.

    Raises: SettingsErrors
    """
    edited = load_stack_file(path, shown(path))
    others = [one for one in load_fleet(project / "stacks", shown)[0] if one.file != edited.file]
    own = [problem for problem in check_fleet([*others, edited]) if problem.file == edited.file]
    if own:
        raise SettingsErrors(own)
