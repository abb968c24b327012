"""Results as a table on the terminal and as a page of the docs."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.results import Collected, Figure, Result

COLUMNS = ("", "measured", "baseline", "ratio", "±", "aim", "")
INTRODUCTION = """\
# Benchmarks

Written by the command below; do not edit. Ratios hold from machine to machine, absolute figures do not: each ratio
compares two things measured in turn in the same run, and is the median over the rounds. ± is half the distance between
the quartiles.
"""


def number(value: float) -> str:
    """Three significant digits, without an exponent: 0.704, 12.3, 259, 1,056."""
    size = abs(value)
    digits = 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if value == int(value) and "." in text else text


def cells(figure: Figure) -> tuple[str, ...]:
    """One row, in the order of COLUMNS."""
    unit = f" {figure.unit}" if figure.unit else ""
    verdict = {True: "met", False: "missed", None: ""}[figure.met]
    return (
        figure.name,
        number(figure.value) + unit,
        "" if figure.baseline is None else number(figure.baseline) + unit,
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        "" if figure.spread is None else f"{figure.spread:.0%}",
        str(figure.aim or ""),
        verdict,
    )


def print_result(console: Console, result: Result) -> None:
    """A table with the aims beside the figures; columns that nothing fills are left out."""
    rows = [cells(figure) for figure in result.figures]
    used = [i for i in range(len(COLUMNS)) if i == 0 or any(row[i] for row in rows)]
    table = Table(title=result.title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for i in used:
        table.add_column(COLUMNS[i], justify="left" if i == 0 else "right")
    for row, figure in zip(rows, result.figures, strict=True):
        table.add_row(*(row[i] for i in used), style="red" if figure.met is False else None)
    console.print(table)
    for note in result.notes:
        console.print(f"  {note}", style="dim", highlight=False)
    console.print()


def document(collected: Collected) -> str:
    """The page `docs/benchmarks.md`."""
    parts = [INTRODUCTION, f"```\n{collected.command}\n```\n"]
    parts.append("Machine: " + ", ".join(f"{name} {value}" for name, value in collected.machine.items()) + ".\n")
    parts += [_section(result) for result in collected.results]
    return "\n".join(parts)


def _section(result: Result) -> str:
    rows = [cells(figure) for figure in result.figures]
    used = [i for i in range(len(COLUMNS)) if i == 0 or any(row[i] for row in rows)]
    lines = [f"## {result.title}", "", result.how, ""]
    if result.baseline:
        lines += [f"Baseline: {result.baseline}", ""]
    lines += [_row([COLUMNS[i] for i in used]), _row(["---" if i == 0 else "---:" for i in used])]
    lines += [_row([row[i] for i in used]) for row in rows]
    lines += ["", *(f"- {note}" for note in result.notes)] if result.notes else []
    return "\n".join(lines) + "\n"


def _row(values: Sequence[str]) -> str:
    return "| " + " | ".join(value.replace("|", "\\|") for value in values) + " |"
