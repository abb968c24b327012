"""Bridges that an engine left in the kernel when its data went away: they would take the addresses of new networks."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from scripts.setup.shell import answers

_INTERFACES = Path("/sys/class/net")
_NAME = re.compile(r"br-[0-9a-f]{12}")  # how the engine names the bridge of a network


def abandoned(interfaces: Path = _INTERFACES) -> list[str]:
    """Engine bridges without a member."""
    return sorted(
        path.name
        for path in interfaces.glob("br-*")
        if _NAME.fullmatch(path.name) and (path / "brif").is_dir() and not any((path / "brif").iterdir())
    )


def remove_abandoned() -> None:
    """Only while no engine runs: it makes the bridges of its own networks again when it starts."""
    if shutil.which("ip"):
        for name in abandoned():
            answers(["ip", "link", "delete", name], timeout=10)
