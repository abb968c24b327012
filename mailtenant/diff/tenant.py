"""Two images of one tenant compared: settings, secrets, files, records, resources."""

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mailtenant.diff.graph import ResourceChange, changes
from mailtenant.diff.image import RecordImage, Rule, TenantImage
from mailtenant.diff.text import short

Kind = Literal["broken", "changed", "new", "gone", "unchanged"]
# What tells one entry of a list in the settings from the next.
_NAMED: Final = ("name", "selector")


@dataclass(frozen=True)
class SettingChange:
    """A dotted path below `config`; None: not there. Values in one line of JSON."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class RecordChange:
    """A record that is added (`old` None), removed (`new` None) or changed."""

    old: RecordImage | None
    new: RecordImage | None


@dataclass(frozen=True)
class FileChange:
    """A rendered file, and its unified diff without the head lines; a new or gone file's is its whole text."""

    path: str
    kind: Literal["new", "gone", "changed"]
    added: int
    removed: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class TenantChange:
    """What becomes of one tenant. `problems`: (side, text); with a broken side only that is known."""

    label: str
    kind: Kind
    settings: tuple[SettingChange, ...] = ()
    secrets: tuple[SettingChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    records: tuple[RecordChange, ...] = ()
    resources: tuple[ResourceChange, ...] = ()
    problems: tuple[tuple[str, str], ...] = field(default=())

    @property
    def loses_data(self) -> bool:
        return any(one.loses_data for one in self.resources)

    @property
    def severity(self) -> tuple[int, int]:
        """For sorting, the worst first; then the most changes."""
        ops = {one.op for one in self.resources}
        if self.kind == "broken":
            worst = 1
        elif self.loses_data:
            worst = 0
        elif self.kind == "gone":
            worst = 2
        else:
            worst = 3 if ops & {"replace", "delete"} and self.kind != "new" else 4 if self.kind == "changed" else 5
        return worst, -len(self.resources) - len(self.files) - len(self.records)


def tenant_change(
    label: str, base: TenantImage | None, head: TenantImage | None, rules: Mapping[str, Rule]
) -> TenantChange:
    """`base` or `head` None: the tenant is not there on that side."""
    problems = [("base", text) for text in (base.problems if base else ())]
    problems += [("head", text) for text in (head.problems if head else ())]
    if problems:
        return TenantChange(label, "broken", problems=tuple(problems))
    if head is None:
        return TenantChange(label, "gone")
    if base is None:
        records = tuple(RecordChange(None, one) for one in head.records)
        files = tuple(_file(path, None, text) for path, text in sorted(head.files.items()))
        made = changes((), head.resources, rules)
        settings = tuple(settings_changes({}, head.settings))
        return TenantChange(label, "new", settings, (), files, records, made)
    settings = tuple(settings_changes(base.settings, head.settings))
    secrets = tuple(_secret_changes(base.secrets, head.secrets))
    files = tuple(_file_changes(base.files, head.files))
    records = tuple(_record_changes(base.records, head.records))
    resources = changes(base.resources, head.resources, rules)
    kind: Kind = "changed" if settings or secrets or files or records or resources else "unchanged"
    return TenantChange(label, kind, settings, secrets, files, records, resources)


def settings_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[SettingChange]:
    """Leaves that differ, in the order of the new side; entries of lists by their name, so that one more moves none."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    for path in dict.fromkeys((*after, *before)):
        one, other = before.get(path), after.get(path)
        if one != other:
            yield SettingChange(path, one, other)


def _secret_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[SettingChange]:
    for path in dict.fromkeys((*new, *old)):
        if old.get(path) != new.get(path):
            yield SettingChange(path, "[secret]" if path in old else None, "[secret]" if path in new else None)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _leaves(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        seen: Counter[str] = Counter()
        for number, below in enumerate(value):
            name = next((str(below[key]) for key in _NAMED if isinstance(below.get(key), str)), str(number))
            seen[name] += 1
            # Records that were found share their name with others: none may hide behind the last of them.
            yield from _leaves(below, f"{path}[{name}]" if seen[name] == 1 else f"{path}[{name} {seen[name]}]")
    else:
        yield path, short(value)


def _file_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[FileChange]:
    for path in sorted({*old, *new}):
        if old.get(path) != new.get(path):
            yield _file(path, old.get(path), new.get(path))


def _file(path: str, old: str | None, new: str | None) -> FileChange:
    lines = list(difflib.unified_diff((old or "").splitlines(), (new or "").splitlines(), lineterm="", n=3))[2:]
    if old is not None and new is not None and not lines:
        lines = ["@@ only white space at the ends of lines, or the last line's end @@"]
    kind: Literal["new", "gone", "changed"] = "new" if old is None else "gone" if new is None else "changed"
    added = sum(line.startswith("+") for line in lines)
    return FileChange(path, kind, added, sum(line.startswith("-") for line in lines), tuple(lines))


def _record_changes(old: Sequence[RecordImage], new: Sequence[RecordImage]) -> Iterator[RecordChange]:
    """A record that took another's place at the same name and type is one change, not two."""
    sets: dict[tuple[str, str], tuple[list[RecordImage], list[RecordImage]]] = defaultdict(lambda: ([], []))
    for side, records in enumerate((old, new)):
        for record in records:
            sets[record.name, record.type][side].append(record)
    for before, after in sets.values():
        gone = [one for one in before if not any(_same(one, other) for other in after)]
        made = [one for one in after if not any(_same(one, other) for other in before)]
        # The same value with another TTL first, then whatever is left.
        for one in list(gone):
            twin = next((other for other in made if other.value == one.value), None)
            if twin is not None:
                gone.remove(one)
                made.remove(twin)
                yield RecordChange(one, twin)
        for number in range(max(len(gone), len(made))):
            yield RecordChange(
                gone[number] if number < len(gone) else None, made[number] if number < len(made) else None
            )


def _same(one: RecordImage, other: RecordImage) -> bool:
    """The reason is for people: another sentence changes no zone."""
    return (one.value, one.ttl) == (other.value, other.ttl)
