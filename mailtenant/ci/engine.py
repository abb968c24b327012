"""What the engine says of one stack: the JSON of `pulumi preview --json`, reduced to what a reviewer reads."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from mailtenant.diff.text import blind, shown_change

Mode = Literal["deployed", "throwaway", "drift"]
_COUNTED: Final = {
    "create": "create",
    "import": "create",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "",
    "delete": "delete",
    "update": "update",
    "same": "",
    "read": "",
    "refresh": "",
}
LONGEST: Final = 600


class EngineError(Exception):
    """What was read is no preview; one line."""


@dataclass(frozen=True)
class EngineStep:
    """One resource that the engine would touch; `inputs`: what differs, as text, with whether it replaces."""

    op: str
    type: str
    name: str
    protected: bool
    inputs: tuple[tuple[str, str, str, bool], ...] = ()


@dataclass(frozen=True)
class EngineChange:
    """The preview of one stack. `failure` not empty: there is none, or it is not to be carried out, and why."""

    label: str
    mode: Mode
    steps: tuple[EngineStep, ...] = ()
    failure: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> int:
        return sum(self.counts.values())


def engine_change(label: str, mode: Mode, document: Mapping[str, Any], failure: tuple[str, ...] = ()) -> EngineChange:
    """From the JSON; `failure` is what is known besides, of a run that ended badly."""
    steps = tuple(_step(step) for step in document.get("steps") or () if _COUNTED.get(step.get("op", ""), step["op"]))
    said = [str(one.get("message", "")) for one in document.get("diagnostics") or () if one.get("severity") == "error"]
    problems = tuple(
        dict.fromkeys(_sentence(text) for text in (*said, *failure) if text.strip() and not _is_echo(text))
    )
    counts = Counter(_COUNTED.get(step.op, step.op) for step in steps if "::" not in step.type)
    return EngineChange(label, mode, steps, problems, dict(sorted(counts.items())))


def _step(step: Mapping[str, Any]) -> EngineStep:
    old, new = step.get("oldState") or {}, step.get("newState") or {}
    state = new or old
    urn = str(step.get("urn", ""))
    before, after = old.get("inputs") or {}, new.get("inputs") or {}
    reasons = set(step.get("replaceReasons") or ())
    keys = [key for key in step.get("diffReasons") or () if not key.startswith("__")] if old and new else []
    inputs = tuple((key, *shown_change(key, before.get(key), after.get(key)), key in reasons) for key in keys)
    name = str((state.get("inputs") or {}).get("name") or urn.rsplit("::", 1)[-1])
    type_ = str(state.get("type") or urn.rsplit("::", 2)[-2].rsplit("$", 1)[-1])
    protected = bool(old.get("protect", state.get("protect")))
    return EngineStep(_COUNTED.get(step["op"], step["op"]), type_, blind(name), protected, inputs)


def _sentence(text: str) -> str:
    """The first paragraph without URNs, which name the same thing twice."""
    lines = " ".join(line.strip() for line in text.strip().splitlines())
    lines = lines.removeprefix("error: ").replace("Preview failed: ", "")
    short = lines.partition(" To unprotect the resource")[0]
    return blind(short if len(short) <= LONGEST else f"{short[: LONGEST - 2]} …")


def _is_echo(text: str) -> bool:
    return text.strip() in ("error: preview failed", "preview failed", "error: update failed")


_ADAPTER: Final = TypeAdapter(EngineChange)


def write(change: EngineChange, folder: Path) -> Path:
    """As `<label>.json` in a folder that a later job reads."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{change.label}.json"
    path.write_bytes(_ADAPTER.dump_json(change, indent=1) + b"\n")
    return path


def read(folder: Path) -> list[EngineChange]:
    """Everything in the folder and below it. Raises: EngineError naming a file that is something else."""
    found = []
    for path in sorted(folder.rglob("*.json")):
        try:
            found.append(_ADAPTER.validate_json(path.read_bytes()))
        except ValidationError:
            raise EngineError(f"{path.name} is no output of `mailtenant ci preview`") from None
    return found
