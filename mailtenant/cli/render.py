"""`mailtenant render`: every configuration file of a tenant, offline."""

from pathlib import Path
from typing import Annotated

import typer

from mailtenant.cli import output
from mailtenant.dns import local_zones, policies
from mailtenant.rendering import render_tenant
from mailtenant.settings import load_stack_file


def render(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    directory: Annotated[
        Path, typer.Option("--output", "-o", help="folder for the tree; made if absent, must be empty")
    ],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Write every configuration file of LABEL below DIR, shaped like the containers' file systems. Holds no secret.

    Example: mailtenant render acme --output /tmp/acme
    """
    stack_file = load_stack_file(output.stack_file(project, label))
    state = (stack_file.settings, stack_file.existing, stack_file.dns_phase)
    if directory.exists() and any(directory.iterdir()):
        raise output.CommandError(f"{directory} is not empty: choose another folder, or empty it")
    files = render_tenant(stack_file.settings, zones=local_zones(*state), policies=policies(*state))
    for file in files:
        target = directory / file.tree_path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.content, encoding="utf-8")
    if as_json:
        output.print_json({"label": label, "folder": str(directory), "files": [str(file.tree_path) for file in files]})
        return
    typer.echo(f"{len(files)} files of {label} written to {directory}")
