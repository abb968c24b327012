"""A YAML file as plain values plus the line of every key, read strictly: what has no place in a stack file is an error.

Read from parser events: each key's line is known, the file cannot ask for anything to be constructed, and with the C
parser a thousand files take a second. Plain scalars are typed as in YAML 1.2 (so `no` is text, as for the Pulumi CLI).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Never

import yaml

from mailtenant.settings.errors import Problem, SettingsErrors

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: slower, the same events
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MOST_OCTETS: Final = 1_048_576
DEEPEST: Final = 20
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TEXT_TAGS: Final = (None, "!", "tag:yaml.org,2002:str")

Path_ = tuple[str | int, ...]


@dataclass
class Document:
    """`value`: dictionaries, lists, text, numbers. `lines`: path of keys and indexes → line, from 1."""

    value: Any
    lines: dict[Path_, int] = field(default_factory=dict)

    def line(self, path: Path_) -> int | None:
        """The line of the path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def read_document(path: Path, file: str) -> Document:
    """Reads a YAML file; `file` is its name in errors.

    Raises: SettingsErrors with one problem: not there, not UTF-8, not YAML, or YAML that a stack file must not use.
    """
    try:
        with path.open("rb") as stream:
            octets = stream.read(MOST_OCTETS + 1)
    except FileNotFoundError:
        _refuse(file, None, "the file is not there", "`mailtenant new LABEL --domain D` writes one")
    except IsADirectoryError:
        _refuse(file, None, "is a folder", "name the stack file itself; naming none checks all of stacks/")
    except OSError as error:
        _refuse(file, None, f"cannot be read ({error.strerror})", "look at its permissions")
    if len(octets) > MOST_OCTETS:
        _refuse(file, None, "is larger than 1 MiB", "this is no stack file")
    try:
        return parse_document(octets.decode("utf-8"), file)
    except UnicodeDecodeError as error:
        line = octets[: error.start].count(b"\n") + 1
        _refuse(file, line, "is not UTF-8 text", "save it as UTF-8")


def parse_document(text: str, file: str) -> Document:
    """As `read_document`, for text."""
    reader = _Reader(file)
    try:
        return reader.read(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        # The parser's own words can quote the file, and with it a secret; only the place is taken from it.
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        if line and "\t" in _indent(text, line):
            _refuse(file, line, "a tab indents this line", "YAML wants spaces")
        _refuse(file, line, "is not valid YAML here or just above", "look at indentation, quotes and colons")
    except yaml.YAMLError:  # a character that YAML does not allow
        _refuse(file, None, "holds a character that YAML does not allow", "look for control characters")


def _indent(text: str, line: int) -> str:
    there = (text.splitlines() or [""])[min(line, len(text.splitlines())) - 1 :][:1]
    return re.match(r"\s*", there[0] if there else "")[0]  # type: ignore[index]


def _refuse(file: str, line: int | None, message: str, fix: str) -> Never:
    raise SettingsErrors([Problem(file, "", message, fix, line)])


class _Reader:
    """Turns events into values. One use."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: dict[Path_, int] = {}

    def read(self, events: Iterator[Any]) -> Document:
        value: Any = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    _refuse(self._file, _line(event), "a second YAML document begins", "keep one a file")
                value = self._value(next(events), events, ())
        return Document(value, self._lines)

    def _value(self, event: Any, events: Iterator[Any], path: Path_) -> Any:
        if len(path) > DEEPEST:
            _refuse(self._file, _line(event), "is nested too deeply", "no setting is that deep")
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            _refuse(self._file, _line(event), "uses an anchor or alias (`&`, `*`)", "write the value out")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if event.tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            _refuse(self._file, _line(event), "uses a YAML tag (`!`)", "write the plain value")
        return self._table(events, path) if isinstance(event, yaml.MappingStartEvent) else self._list(events, path)

    def _table(self, events: Iterator[Any], path: Path_) -> dict[str, Any]:
        table: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor:
                _refuse(self._file, _line(event), "a key is not a plain word", "write `key: value`")
            key = event.value
            if key in table:
                first = self._lines[(*path, key)]
                _refuse(self._file, _line(event), f"the key of line {first} is there again", "keep one of them")
            self._lines[(*path, key)] = _line(event)
            table[key] = self._value(next(events), events, (*path, key))
        return table

    def _list(self, events: Iterator[Any], path: Path_) -> list[Any]:
        entries: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            self._lines[(*path, len(entries))] = _line(event)
            entries.append(self._value(event, events, (*path, len(entries))))
        return entries

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.tag not in _TEXT_TAGS:
            _refuse(self._file, _line(event), "uses a YAML tag (`!`)", "write the plain value")
        if not event.implicit[0]:  # quoted, a block, or tagged as text
            return text
        if text in _NULL:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if _INTEGER.fullmatch(text) and len(text) < 20:  # what 64 bits hold
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
