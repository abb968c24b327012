"""A tenant's release, changed in its stack file: one line, comments kept, put in place in one step."""

import hashlib
from pathlib import Path

from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from mailtenant.fleet.stack_text import editing, replace_text, with_config
from mailtenant.settings import load_stack_file
from mailtenant.settings.convert import ROOT


def with_release(text: str, release: str) -> str:
    """The stack file's text with another `release`."""
    return with_config(text, lambda config: config[ROOT].__setitem__("release", DoubleQuotedScalarString(release)))


def set_release(path: Path, release: str) -> None:
    """Idempotent. The file stays as it was if the result is not valid.

    Raises: SettingsErrors
    """
    with editing(path) as before:
        if load_stack_file(path).settings.release != release:
            replace_text(path, with_release(before, release))
            load_stack_file(path)


def fingerprint(text: str) -> str:
    """64 hex digits over a stack file, whatever its release: whether somebody else has edited it since."""
    return hashlib.sha256(with_release(text, "any").encode()).hexdigest()
