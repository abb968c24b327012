"""docs/promises.md: a line for each promise about moving, and every test that it names is there."""

import re
from collections import Counter
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
PAGE = (TREE / "docs" / "promises.md").read_text()
ROWS = {*range(6, 16), *range(24, 65), *range(75, 93)}
LINES = re.findall(r"^\| (\d+) \| (.+?) \| (held|partly|not) \| (.+) \|$", PAGE, re.MULTILINE)


def test_every_promise_has_one_line() -> None:
    counts = Counter(int(number) for number, *_ in LINES)
    assert set(counts) == ROWS
    assert [number for number, count in counts.items() if count > 1] == []


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 40
    assert [f"{path}::{name}" for path, name in named if f"def {name}(" not in (TREE / path).read_text()] == []


def test_what_is_held_is_held_by_something() -> None:
    for number, _, state, how in LINES:
        assert state != "held" or re.search(r"::|`mailtenant|as \d|the same", how), number
