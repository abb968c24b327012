"""docs/alerts.md: a section for each kind of alert, with what to look at and what to do, and none beside them."""

import re
from pathlib import Path

from mailtenant.control.alerts import LASTING, PAGE, TITLES, Kind
from mailtenant.control.configuration import ControlSettings
from mailtenant.watch.settings import WatchSettings

TREE = Path(__file__).resolve().parents[2]
TEXT = (TREE / PAGE).read_text()
SECTIONS = dict(re.findall(r"^## (\S+)\n(.+?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def test_each_kind_has_a_section_and_each_section_a_kind() -> None:
    assert list(SECTIONS) == [kind.value for kind in Kind]
    assert set(TITLES) == set(Kind)


def test_each_section_says_what_to_look_at_and_what_to_do() -> None:
    for name, text in SECTIONS.items():
        assert re.search(r"^Look: ", text, re.MULTILINE) and re.search(r"^Do: ", text, re.MULTILINE), name


def test_events_come_before_problems_that_end() -> None:
    lasting = [kind in LASTING for kind in Kind]
    assert lasting == sorted(lasting) and lasting.count(False) == 8


def test_each_variable_is_listed_with_its_default() -> None:
    wanted = {
        ControlSettings.variable(name): field.default
        for name, field in ControlSettings.model_fields.items()
        if name.startswith("alert_")
    } | {WatchSettings.variable(name): field.default for name, field in WatchSettings.model_fields.items()}
    rows = dict(re.findall(r"^\| `(MAILTENANT_\w+)` \| *([^|]*?) *\|", TEXT, re.MULTILINE))
    assert set(rows) == set(wanted)
    numbers = {name: value for name, value in wanted.items() if isinstance(value, int | float)}
    assert {name: float(rows[name]) for name in numbers} == numbers
