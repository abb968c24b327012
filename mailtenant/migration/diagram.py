"""The state machine as a Mermaid diagram and as tables, drawn from the one table of transitions."""

from mailtenant.migration.states import MEANINGS, State
from mailtenant.migration.transitions import TRANSITIONS


def mermaid() -> str:
    """A `stateDiagram-v2`; events that lead to the same place share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for line in TRANSITIONS:
        arrows.setdefault((line.source.value, line.target.value), []).append(line.event.name)
    lines = ["stateDiagram-v2", f"    [*] --> {State.REQUESTED.value}"]
    lines += [f"    {source} --> {target}: {', '.join(names)}" for (source, target), names in arrows.items()]
    return "\n".join([*lines, f"    {State.COMPLETED.value} --> [*]"])


def table() -> str:
    """Every transition as a Markdown table."""
    lines = ["| from | event | to | must hold | tells the customer | served by |", "|---|---|---|---|---|---|"]
    for line in TRANSITIONS:
        cells = (
            line.source.value,
            line.event.name,
            line.target.value,
            ", ".join(guard.name for guard in line.guards),
            line.notice.value if line.notice else "",
            line.serves.value if line.serves else "",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def meanings() -> str:
    """What each state means, and what undoes it."""
    lines = ["| state | means | undone by |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {state.value} | {m.what} | {m.undo} |" for state, m in MEANINGS.items())])
