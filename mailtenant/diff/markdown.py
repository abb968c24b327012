"""A comparison as GitHub-flavoured Markdown: a table, the worst first, then each tenant folded up."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from mailtenant.diff.comparison import Comparison
from mailtenant.diff.graph import Op, ResourceChange
from mailtenant.diff.tenant import FileChange, RecordChange, TenantChange

MOST_ROWS: Final = 60
MOST_LINES: Final = 400
_OPS: Final[tuple[tuple[Op, str], ...]] = (
    ("replace", "replaced"),
    ("delete", "deleted"),
    ("update", "updated"),
    ("create", "created"),
)


def markdown(comparison: Comparison) -> str:
    """The whole report; the caller cuts it where there is a limit (`details` come one by one for that)."""
    return "\n\n".join([headline(comparison), table(comparison), *details(comparison)]).rstrip() + "\n"


def headline(comparison: Comparison) -> str:
    """One sentence, the revisions, and what must be seen first."""
    number, total = len(comparison.tenants), comparison.total
    lines = [f"**{number} of {total} tenant{'s' if total != 1 else ''} change{'s' if number == 1 else ''}** "]
    lines[0] += (
        f"between {code(comparison.base.shown)} and {code(comparison.head.shown)} (offline: no engine was asked)."
    )
    for one in comparison.tenants:
        for resource in one.resources:
            if resource.loses_data:
                lines.append(f"⛔ **{cell(one.label)}**: {_loss(resource)}")
    broken = [one.label for one in comparison.tenants if one.kind == "broken"]
    if broken:
        lines.append(f"❌ cannot be computed: {', '.join(cell(label) for label in broken[:20])}")
    return "\n\n".join(lines[: MOST_ROWS + 1])


def table(comparison: Comparison) -> str:
    """One row a tenant that changes."""
    if not comparison.tenants:
        return "Nothing changes for any tenant."
    head = "| | tenant | settings | files | records | replaced | deleted | updated | created |"
    rows = [head, "|---|---|---|---|---|---|---|---|---|"]
    rows += [_row(one) for one in comparison.tenants[:MOST_ROWS]]
    if len(comparison.tenants) > MOST_ROWS:
        rows.append(f"| | … and {len(comparison.tenants) - MOST_ROWS} more | | | | | | | |")
    return "\n".join(rows)


def details(comparison: Comparison) -> Iterator[str]:
    """One folded section a tenant, in the table's order."""
    for one in comparison.tenants:
        parts = list(_parts(one))
        opened = " open" if one.loses_data or one.kind == "broken" else ""
        yield f"<details{opened}><summary>{_mark(one)} <b>{html(one.label)}</b>: {html(summary(one))}</summary>\n\n" + (
            "\n\n".join(parts) + "\n\n</details>"
        )


def summary(one: TenantChange) -> str:
    """A tenant's change in a few words."""
    if one.kind == "broken":
        return f"{len(one.problems)} problem{'s' if len(one.problems) > 1 else ''}"
    if one.kind == "gone":
        return "its stack file is gone; the running stack is not touched by that"
    counts = Counter(resource.op for resource in one.resources)
    words = [f"{counts[op]} {name}" for op, name in _OPS if counts[op]]
    words += [f"{len(one.files)} files", f"{len(one.records)} records"] if one.kind == "new" else []
    return ("new: " if one.kind == "new" else "") + (", ".join(words) or "no resource changes")


def _row(one: TenantChange) -> str:
    if one.kind in ("broken", "gone"):
        return f"| {_mark(one)} | {cell(one.label)} | {cell(summary(one))} | | | | | | |"
    counts = Counter(resource.op for resource in one.resources)
    numbers = [len(one.settings) + len(one.secrets), len(one.files), len(one.records)]
    numbers += [counts[op] for op, _ in _OPS]
    name = cell(one.label) + (" (new)" if one.kind == "new" else "")
    return f"| {_mark(one)} | {name} | " + " | ".join(str(number or "") for number in numbers) + " |"


def _mark(one: TenantChange) -> str:
    if one.loses_data:
        return "⛔"
    if one.kind in ("broken", "gone"):
        return "❌" if one.kind == "broken" else "➖"
    if one.kind == "new":
        return "➕"
    return "🔁" if any(resource.op in ("replace", "delete") for resource in one.resources) else "✏️"


def _parts(one: TenantChange) -> Iterator[str]:
    if one.problems:
        yield "\n".join(f"- {side}: {code(text)}" for side, text in one.problems)
        return
    if one.kind == "gone":
        yield (
            "Nothing is destroyed by this change: take the tenant down with `mailtenant down`, and remove its mail for "
            "good with `mailtenant purge`, while its stack file is still there."
        )
        return
    losses = [resource for resource in one.resources if resource.loses_data]
    if losses:
        yield "\n".join(f"- ⛔ {_loss(resource)}" for resource in losses)
    if one.settings or one.secrets:
        changed = [(change.path.removeprefix("mailtenant:"), change.old, change.new) for change in one.settings]
        changed += [(f"secrets.{change.path}", change.old, change.new) for change in one.secrets]
        yield "**Settings**\n\n" + fenced(
            [
                line
                for path, old, new in changed
                for line in ([f"- {path}: {old}"] if old is not None else [])
                + ([f"+ {path}: {new}"] if new is not None else [])
            ]
        )
    if one.records:
        yield "**Records**\n\n" + fenced([line for change in one.records for line in record_lines(change)])
    yield from _files(one)
    if one.resources:
        yield "**Resources**\n\n" + "\n".join(resource_line(resource) for resource in one.resources)


def _files(one: TenantChange) -> Iterator[str]:
    if one.kind == "new":
        names = ", ".join(code(file.path) for file in one.files)
        yield f"**Files** (`mailtenant render {cell(one.label)}` writes them): {names}"
        return
    for file in one.files:
        yield f"**{code(file.path)}** +{file.added} −{file.removed}\n\n" + fenced(file_lines(file))


def file_lines(file: FileChange) -> list[str]:
    """The diff's lines, cut where it is very long."""
    lines = list(file.lines[:MOST_LINES])
    return lines + ([f"… {len(file.lines) - MOST_LINES} more lines"] if len(file.lines) > MOST_LINES else [])


def record_lines(change: RecordChange) -> list[str]:
    """Removed and added form; the reason stands at what is there afterwards, else at what goes."""
    lines = []
    if change.old:
        reason = "" if change.new else f"  ; {change.old.reason}"
        lines.append(f"- {change.old.name} {change.old.ttl} {change.old.type} {change.old.value}{reason}")
    if change.new:
        one = change.new
        lines.append(f"+ {one.name} {one.ttl} {one.type} {one.value}  ; {one.reason}")
    return lines


def resource_line(resource: ResourceChange) -> str:
    """One line of a list; inputs that replace are bold. What is only other inside (an uploaded file) stands once."""
    kind = resource.type.rsplit(":", 1)[-1]
    protected = " 🔒" if resource.protected else ""
    told = []
    for change in resource.inputs:
        key = f"**{change.key}**" if change.replaces else change.key
        if change.because:
            told.append(f"{key} ({cell(change.because)})")
        else:
            told.append(f"{key} {code(change.old if change.old == change.new else f'{change.old} → {change.new}')}")
    inputs = ": " + "; ".join(told) if told else ""
    return f"- {resource.op} {kind} {code(resource.physical)}{protected}{inputs}"


def _loss(resource: ResourceChange) -> str:
    kind = resource.type.rsplit(":", 1)[-1]
    what = f"{kind} {code(resource.physical)} is protected"
    if resource.unprotects:
        return f"{what} and would lose its protection: what it holds could then be deleted by any later change"
    verb = "replaced" if resource.op == "replace" else "deleted"
    fix = "give the new name an alias, or keep the old one" if verb == "deleted" else "keep the inputs that replace it"
    return f"{what} and would be **{verb}**: `pulumi up` refuses; {fix}"


def fenced(lines: Sequence[str]) -> str:
    """A diff block whose fence nothing in it can close."""
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}diff\n{text}\n{fence}"


def code(text: str) -> str:
    """A code span: nothing in it is markup or a mention. Not for tables, whose rows a `|` in it would split."""
    text = " ".join(text.split("\n"))
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    if not longest:
        return f"`{text}`"
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}"


def cell(text: str) -> str:
    """Plain words in a table or a list."""
    return html(re.sub(r"([\\`*_\[\]|@#~])", r"\\\1", " ".join(text.split("\n"))))


def html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
