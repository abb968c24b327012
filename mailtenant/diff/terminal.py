"""A comparison on a terminal: colours of a diff, the worst first."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from mailtenant.diff.comparison import Comparison
from mailtenant.diff.markdown import file_lines, record_lines, summary
from mailtenant.diff.tenant import TenantChange

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_OPS = {"replace": "bold magenta", "delete": "bold red", "update": "yellow", "create": "green"}


def print_comparison(console: Console, comparison: Comparison) -> None:
    """All of it; a pager is the user's own choice."""
    number, total = len(comparison.tenants), comparison.total
    for one in comparison.tenants:
        console.print(Text(f"{one.label}: {summary(one)}", "bold red" if one.loses_data or one.problems else "bold"))
        for line in _lines(one):
            console.print(line, soft_wrap=True)
        console.print()
    console.print(
        f"{number} of {total} tenant{'s' if total != 1 else ''} change{'s' if number == 1 else ''} "
        f"between {comparison.base.shown} and {comparison.head.shown}; no engine was asked",
        highlight=False,
        soft_wrap=True,
    )


def _lines(one: TenantChange) -> Iterator[Text]:
    for side, problem in one.problems:
        yield Text(f"  {side}: {problem}", "red")
    for resource in one.resources:
        if resource.loses_data:
            yield Text(f"  protected: {resource.physical} would be lost ({resource.op})", "bold red")
    for change in (*one.settings, *one.secrets):
        path = change.path.removeprefix("mailtenant:")
        if change.old is not None:
            yield Text(f"  - {path}: {change.old}", "red")
        if change.new is not None:
            yield Text(f"  + {path}: {change.new}", "green")
    for record in one.records:
        for line in record_lines(record):
            yield Text(f"  {line}", _COLOURS[line[0]])
    for file in one.files:
        yield Text(f"  {file.path}  +{file.added} -{file.removed}", "bold")
        if file.kind == "changed":
            for line in file_lines(file):
                yield Text(f"    {line}", _COLOURS.get(line[:1], ""))
    for resource in one.resources:
        kind = resource.type.rsplit(":", 1)[-1]
        told = [
            f"{change.key} ({change.because})" if change.because else f"{change.key} {change.old} → {change.new}"
            for change in resource.inputs
        ]
        text = f"  {resource.op} {kind} {resource.physical}" + (f": {'; '.join(told)}" if told else "")
        yield Text(text, _OPS.get(resource.op, ""))
