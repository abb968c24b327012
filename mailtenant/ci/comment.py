"""The one comment of a pull request: what changes for whom, the worst first, failures too, within GitHub's limit.

It begins with a marker that nobody sees, by which the next run finds it again: the whole first line must be the marker,
so that no other comment is taken for it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from mailtenant.ci.engine import EngineChange, EngineStep
from mailtenant.diff.comparison import Comparison
from mailtenant.diff.markdown import cell, code, details, headline, html, table

MARKER: Final = "<!-- mailtenant:preview -->"
LIMIT: Final = 65_000
"""Octets; GitHub takes 65,536 characters. A job's summary takes 1 MiB."""
SUMMARY_LIMIT: Final = 1_000_000
MOST_STEPS: Final = 60


def body(
    comparison: Comparison | None,
    engine: Sequence[EngineChange],
    failures: Sequence[str] = (),
    limit: int = LIMIT,
    run_url: str = "",
) -> str:
    """Markdown of at most `limit` octets. `comparison` None: the offline job gave nothing, `failures` say why."""
    head = [MARKER, "### Preview: what this changes for whom"]
    head += [f"❌ **{cell(text)}**" for text in failures]
    foot = f"<sub>[this run and its whole report]({run_url})</sub>" if run_url else ""
    sections: list[str] = []
    if comparison is not None:
        head += [headline(comparison), table(comparison)]
        sections += list(details(comparison))
    if engine:
        head.append(_totals(engine))
    broken = [one for one in engine if one.failure]
    shown = {one.label for one in comparison.tenants if one.resources} if comparison else set()
    sections[:0] = [_section(one, values=one.label not in shown) for one in broken]
    sections += [
        _section(one, values=one.label not in shown)
        for one in sorted(engine, key=_worst)
        if not one.failure and one.changes
    ]
    return _fitted("\n\n".join(head), sections, foot, limit)


def _fitted(head: str, sections: Sequence[str], foot: str, limit: int) -> str:
    """As many sections as there is room for, in order; what was left out is said."""
    reserve = len(foot.encode()) + 200
    head = _cut(head, limit - reserve)
    kept, size = [head], len(head.encode())
    for number, section in enumerate(sections):
        octets = len(section.encode()) + 2
        if size + octets > limit - reserve:
            left = len(sections) - number
            kept.append(f"… {left} more section{'s' if left > 1 else ''}: in the run's summary and artifacts.")
            break
        kept.append(section)
        size += octets
    return "\n\n".join([*kept, foot]).rstrip() + "\n"


def _cut(text: str, octets: int) -> str:
    raw = text.encode()
    if len(raw) <= octets:
        return text
    return raw[: octets - 10].decode(errors="ignore").rsplit("\n", 1)[0] + "\n\n…"


def _totals(engine: Sequence[EngineChange]) -> str:
    counts: dict[str, int] = {}
    for one in engine:
        for op, number in one.counts.items():
            counts[op] = counts.get(op, 0) + number
    failed = sum(bool(one.failure) for one in engine)
    words = ", ".join(f"{number} to {op}" for op, number in sorted(counts.items())) or "nothing to change"
    line = f"**The engine** looked at {len(engine)} stack{'s' if len(engine) != 1 else ''}: {words}"
    return line + (f"; ❌ **{failed} failed**" if failed else "") + "."


def _worst(one: EngineChange) -> tuple[bool, int, str]:
    lost = any(step.protected and step.op in ("replace", "delete") for step in one.steps)
    return not lost, -one.counts.get("replace", 0) - one.counts.get("delete", 0), one.label


def _section(one: EngineChange, *, values: bool) -> str:
    """`values`: also those of the inputs, which the offline part shows where there is one."""
    counts = ", ".join(f"{number} {op}" for op, number in one.counts.items()) or "no changes"
    new = ", a new stack, in a backend that was thrown away" if one.mode == "throwaway" else ""
    words = f"engine: {'failed' if one.failure else counts}{new}"
    mark, opened = ("❌", " open") if one.failure else ("⚙️", "")
    parts = [f"- {code(text)}" for text in one.failure]
    parts += list(_steps(one.steps, values=values))
    summary = f"<summary>{mark} <b>{html(one.label)}</b>: {html(words)}</summary>"
    return f"<details{opened}>{summary}\n\n" + "\n".join(parts) + "\n\n</details>"


def _steps(steps: Sequence[EngineStep], *, values: bool) -> Iterator[str]:
    for step in steps[:MOST_STEPS]:
        told = [f"{key} {code(f'{old} → {new}')}" if values else key for key, old, new, _ in step.inputs]
        kind = step.type.rsplit(":", 1)[-1]
        yield f"- {step.op} {kind} {code(step.name)}{' 🔒' if step.protected else ''}" + (
            f": {'; '.join(told)}" if told else ""
        )
    if len(steps) > MOST_STEPS:
        yield f"- … {len(steps) - MOST_STEPS} more"
