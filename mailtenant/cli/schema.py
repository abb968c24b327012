"""`mailtenant schema`: the pages that are generated from the settings model."""

from pathlib import Path
from typing import Annotated

import typer

from mailtenant.cli import output
from mailtenant.settings.reference import reference_text, schema_text


def schema(
    check: Annotated[bool, typer.Option("--check", help="write nothing; exit 1 if a page is not up to date")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Write docs/tenant.schema.json (completion and checks in editors) and docs/tenant-settings.md (every key) anew.

    Example: mailtenant schema --check
    """
    folder = output.project_dir(project) / "docs"
    stale = [folder / name for name, text in pages().items() if _read(folder / name) != text]
    if check and stale:
        names = ", ".join(output.shown_path(path) for path in stale)
        raise output.CommandError(f"not up to date: {names}; run `mailtenant schema`")
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(pages()[path.name], encoding="utf-8")
        if not as_json:
            typer.echo(f"{output.shown_path(path)} written")
    if as_json:
        output.print_json({"written": [output.shown_path(path) for path in stale]})
    elif not stale:
        typer.echo("up to date")


def pages() -> dict[str, str]:
    """File name below docs/ → what it must hold."""
    return {"tenant.schema.json": schema_text(), "tenant-settings.md": reference_text()}


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
