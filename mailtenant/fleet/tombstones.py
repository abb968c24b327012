"""Labels that are never given again: `stacks/tombstones.txt`, one `label date` a line, kept in version control."""

from datetime import date
from pathlib import Path
from typing import Final

FILE: Final = "tombstones.txt"
_HEAD: Final = "# Labels of tenants that are gone. Old records may still point at their hosts: never used again.\n"


def tombstone(stacks: Path, label: str) -> str | None:
    """The day on which the label's tenant was offboarded; None: the label is free."""
    path = stacks / FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((words[1] for words in map(str.split, lines) if len(words) == 2 and words[0] == label), None)


def bury(stacks: Path, label: str, day: date) -> None:
    """Idempotent."""
    if tombstone(stacks, label) is None:
        path = stacks / FILE
        head = "" if path.is_file() else _HEAD
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{head}{label} {day.isoformat()}\n")
