"""A tenant's release, changed in its stack file: one line, comments kept, put in place in one step."""

import hashlib
import io
import os
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from mailtenant.settings import load_stack_file
from mailtenant.settings.convert import ROOT

_WIDTH: Final = 4096


def with_release(text: str, release: str) -> str:
    """The stack file's text with another `release`."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    document["config"][ROOT]["release"] = DoubleQuotedScalarString(release)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def set_release(path: Path, release: str) -> None:
    """Idempotent. The file stays as it was if the result is not valid.

    Raises: SettingsErrors
    """
    before = path.read_text(encoding="utf-8")
    if load_stack_file(path).settings.release == release:
        return
    replace_text(path, with_release(before, release))
    try:
        load_stack_file(path)
    except BaseException:
        replace_text(path, before)
        raise


def replace_text(path: Path, text: str) -> None:
    """In one step and on the disk: a crash leaves the old file or the new one."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def fingerprint(text: str) -> str:
    """64 hex digits over a stack file, whatever its release: whether somebody else has edited it since."""
    return hashlib.sha256(with_release(text, "any").encode()).hexdigest()
