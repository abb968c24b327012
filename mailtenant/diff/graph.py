"""Two resource graphs compared: what would be created, updated, replaced or deleted, and why.

What replaces comes from the provider's schema (the rules that a revision's code hands over), from `replace_on_changes`,
and from the resources that an input comes from: the id of a replaced one is new, and one that is deleted before it is
made anew takes along whatever depends on it by an input that replaces (the engine's rule for delete-before-replace).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from mailtenant.diff.identity import pair
from mailtenant.diff.image import ResourceImage, Rule
from mailtenant.diff.text import blind, shown_change

Op = Literal["replace", "delete", "create", "update", "adopt", "rename"]
ORDER: Final[tuple[Op, ...]] = ("replace", "delete", "update", "rename", "adopt", "create")
_NONE: Final = Rule(frozenset(), frozenset())


@dataclass(frozen=True)
class InputChange:
    """One input that differs, its values as text for people; `replaces` says that it is a reason for a replace.

    `because` instead of values: it comes from a resource that is replaced.
    """

    key: str
    old: str
    new: str
    replaces: bool
    because: str = ""


@dataclass(frozen=True)
class ResourceChange:
    """One resource that changes. `protected`: the engine refuses to delete it, so this change cannot be carried out."""

    op: Op
    urn: str
    type: str
    name: str
    physical: str
    protected: bool
    retained: bool
    inputs: tuple[InputChange, ...] = ()
    unprotects: bool = False

    @property
    def loses_data(self) -> bool:
        """A protected resource would go, or be made anew, or lose its protection."""
        return self.unprotects or (self.protected and self.op in ("replace", "delete"))


def changes(
    base: Sequence[ResourceImage], head: Sequence[ResourceImage], rules: Mapping[str, Rule]
) -> tuple[ResourceChange, ...]:
    """The changes, the worst first. Components themselves do not count: they are made of nothing but their children."""
    found: list[ResourceChange] = []
    replaced: dict[str, ResourceImage] = {}
    # Registration order: what an input comes from was registered before.
    for old, new in pair(base, head):
        change = _change(old, new, rules, replaced)
        if change is None or (old or new) is None:
            continue
        if change.op == "replace" and new is not None:
            replaced[new.urn] = new
        if (new or old).custom:  # type: ignore[union-attr]
            found.append(change)
    return tuple(sorted(found, key=lambda one: (not one.loses_data, ORDER.index(one.op), one.type, one.name)))


def _change(
    old: ResourceImage | None,
    new: ResourceImage | None,
    rules: Mapping[str, Rule],
    replaced: Mapping[str, ResourceImage],
) -> ResourceChange | None:
    if new is None:
        return _made("delete", old, old) if old else None
    if old is None:
        return _made("adopt" if new.imported else "create", new, new)
    rule = rules.get(new.type, _NONE)
    inputs = tuple(_inputs(old, new, rule, replaced))
    op: Op
    if any(one.replaces for one in inputs):
        op = "replace"
    elif inputs:
        op = "update"
    elif old.urn != new.urn:
        op = "rename"
    elif old.protect and not new.protect:
        op = "update"
    else:
        return None
    return _made(op, old, new, inputs)


def _made(
    op: Op, old: ResourceImage | None, new: ResourceImage | None, inputs: tuple[InputChange, ...] = ()
) -> ResourceChange:
    one = new or old
    assert one is not None  # noqa: S101 (a change has a side)
    return ResourceChange(
        op,
        blind(one.urn),
        one.type,
        blind(one.name),
        blind(str(one.inputs.get("name") or one.name)),
        protected=bool((old or one).protect),
        retained=bool((old or one).retain),
        inputs=inputs,
        unprotects=op != "delete" and bool(old and old.protect and not one.protect),
    )


def _inputs(
    old: ResourceImage, new: ResourceImage, rule: Rule, replaced: Mapping[str, ResourceImage]
) -> Iterator[InputChange]:
    for key in sorted({*old.inputs, *new.inputs}):  # the protocol's maps have no order
        before, after = old.inputs.get(key), new.inputs.get(key)
        replaces = key in rule.replaces or key in new.replace_on or "*" in new.replace_on
        source = next((replaced[urn] for urn in new.depends.get(key, ()) if urn in replaced), None)
        if key in new.ignore or key.startswith("__"):
            continue
        if _canonical(before, key, rule) != _canonical(after, key, rule):
            yield InputChange(key, *shown_change(key, before, after), replaces)
        elif source is not None and (_holds_id(after, source.name) or (source.delete_first and replaces)):
            yield InputChange(key, "", "", replaces, f"{blind(source.name)} is replaced")


def _holds_id(value: Any, name: str) -> bool:
    """Whether the value contains the marker of that resource's id (`components/registrations.py`)."""
    return f"[id of {name}]" in json.dumps(value, ensure_ascii=False)


def _canonical(value: Any, key: str, rule: Rule) -> str:
    """Nothing, false, zero and empty are the same to the provider; so is another order where it does not count."""
    if value in (None, False, 0, "", [], {}):
        return ""
    if isinstance(value, list) and key in rule.unordered:
        value = sorted(value, key=lambda one: json.dumps(one, sort_keys=True))
    return json.dumps(value, sort_keys=True)
