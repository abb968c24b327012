"""Which Pulumi this project uses: read from pyproject.toml, so that SDK, CLI and plugin have one number each."""

from __future__ import annotations

import re
import tomllib

from scripts.setup.paths import TREE
from scripts.setup.shell import Failure


def pulumi() -> str:
    """The Pulumi CLI's and SDK's version, such as 3.259.0."""
    return _pinned("pulumi")


def plugin(name: str) -> str:
    """The version of the plugin that the SDK `pulumi-<name>` asks the engine for."""
    return _pinned(f"pulumi-{name}")


def _pinned(distribution: str) -> str:
    with (TREE / "pyproject.toml").open("rb") as file:
        wanted: list[str] = tomllib.load(file)["project"]["dependencies"]
    for line in wanted:
        found = re.fullmatch(rf"{re.escape(distribution)}==([0-9.]+)", line)
        if found:
            return found.group(1)
    raise Failure(f"pyproject.toml: no dependency `{distribution}==<version>`; pin it, the CLI and plugin must match")
