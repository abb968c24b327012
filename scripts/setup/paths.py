"""Where setup reads from and writes to."""

from __future__ import annotations

import os
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
SETUP = TREE / "scripts" / "setup"
VENV = TREE / ".venv"


def cache() -> Path:
    """The cache outside the tree: what is slow to make and the same for every clone."""
    named = os.environ.get("MAILTENANT_CACHE")
    return Path(named).expanduser().resolve() if named else Path.home() / ".cache" / "mailtenant"


def log_file() -> Path:
    """The output of every command that setup runs, newest last."""
    return cache() / "setup.log"
