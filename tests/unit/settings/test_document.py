"""YAML as stack files use it: typed like the Pulumi CLI types it, with lines, and nothing clever."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mailtenant.settings import SettingsErrors
from mailtenant.settings.document import MOST_OCTETS, parse_document, read_document


def refusal(text: str) -> tuple[str, int | None]:
    with pytest.raises(SettingsErrors) as caught:
        parse_document(text, "f")
    (problem,) = caught.value.problems
    return problem.message, problem.line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-12-01", "2026-12-01"),
        ("0x1f", "0x1f"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("2026.11", 2026.11),
        ('"2026.11"', "2026.11"),
        ("50", 50),
        ("-5", -5),
        ("1.5e3", 1500.0),
        ("true", True),
        ("~", None),
        ("", None),
        ("!!str 5", "5"),
        ("'5'", "5"),
        ("10.99.1.10", "10.99.1.10"),
    ],
)
def test_a_plain_value_has_the_type_of_yaml_1_2(text: str, value: object) -> None:
    got = parse_document(f"a: {text}\n", "f").value["a"]
    assert got == value
    assert type(got) is type(value)


def test_every_key_and_entry_knows_its_line() -> None:
    document = parse_document("a:\n  b: 1\n  c:\n    - x\n    - {y: 2}\n", "f")
    assert [document.line(path) for path in (("a",), ("a", "b"), ("a", "c", 1), ("a", "c", 1, "y"))] == [1, 2, 5, 5]
    assert document.line(("a", "c", 7, "nothing")) == 3, "the nearest thing around it"
    assert document.line(("x",)) is None


@pytest.mark.parametrize(
    ("text", "word", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "the key of line 1 is there again", 3),
        ("a:\n\tb: 1\n", "a tab indents this line", 2),
        ("a: [1, 2\nb: 3\n", "not valid YAML", 2),
        ("a: 'open\n", "not valid YAML", 2),
        ("a: &x 1\nb: *x\n", "anchor or alias", 1),
        ("a: !!python/object:os.system {}\n", "YAML tag", 1),
        ("a: !!int 5\n", "YAML tag", 1),
        ("? {a: b}\n: 1\n", "not a plain word", 1),
        ("a: 1\n---\nb: 2\n", "second YAML document", 2),
        ("a: \x01\n", "character that YAML does not allow", None),
    ],
)
def test_what_has_no_place_in_a_stack_file_is_one_clear_error(text: str, word: str, line: int | None) -> None:
    message, where = refusal(text)
    assert word in message
    assert where == line


def test_an_alias_bomb_costs_nothing() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    assert "anchor or alias" in refusal("l0: &l0 x\n" + levels)[0]


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "{a: " * 5_000, "- " * 50_000])
def test_deep_nesting_ends_early(text: str) -> None:
    assert refusal(text)[0] in ("is nested too deeply", "is not valid YAML here or just above")


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    cases = {"absent": None, "binary": b"a: 1\nb: \xff\xfe\n", "huge": b"a" * (MOST_OCTETS + 1)}
    words = {"absent": "not there", "binary": "not UTF-8", "huge": "larger than 1 MiB"}
    for name, content in cases.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SettingsErrors, match=words[name]):
            read_document(path, name)
    with pytest.raises(SettingsErrors, match="is a folder; name the stack file"):
        read_document(tmp_path, "folder")


_TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=20)
_VALUES = st.recursive(
    _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_TEXTS, _VALUES, max_size=4))
def test_text_that_a_yaml_writer_quotes_is_read_back(value: dict[str, Any]) -> None:
    assert parse_document(yaml.safe_dump(value, allow_unicode=True, default_style='"'), "f").value == value
