"""Golden files: what the tree says today, kept as text so that a review sees every change.

`UPDATE_GOLDEN=1 make test` (or pytest) writes them anew; git shows what became different.
"""

import os
from pathlib import Path


def assert_golden(path: Path, text: str) -> None:
    """The file at `path` must say `text`."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path} is missing: run with UPDATE_GOLDEN=1 and review it"
    assert text == path.read_text(encoding="utf-8"), f"differs from {path}: if that is meant, run with UPDATE_GOLDEN=1"
