"""What commands on the control plane share: opening it, and who acts."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailtenant.cli import output

if TYPE_CHECKING:
    from mailtenant.control.plane import ControlPlane

CustomerArgument = Annotated[str, typer.Argument(help="the customer's label")]


def open_control(project: Path | None) -> "ControlPlane":
    """As the environment says; without a word SQLite in the project's `.state`. Raises: Misconfigured"""
    from mailtenant.control.configuration import ControlSettings
    from mailtenant.control.plane import embedded_state, open_plane

    state = embedded_state(output.project_dir(project))
    return open_plane(ControlSettings.with_state(state))


@contextmanager
def control(project: Path | None) -> Iterator["ControlPlane"]:
    """The control plane for one command."""
    plane = open_control(project)
    try:
        yield plane
    finally:
        plane.close()


def operator() -> str:
    """The actor of the audit trail."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):
        return "operator:unknown"
