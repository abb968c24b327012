"""How commands open the control plane: settings from the environment, the embedded one beside the stacks' state."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailtenant.cli import output
from mailtenant.control.configuration import ControlSettings
from mailtenant.control.plane import ControlPlane, embedded_state, open_plane


@contextmanager
def control_plane(project: Path | None) -> Iterator[ControlPlane]:
    """Raises: Misconfigured"""
    state = embedded_state(output.project_dir(project))
    plane = open_plane(ControlSettings.from_environment(state=state))
    try:
        yield plane
    finally:
        plane.close()


def operator() -> str:
    """Who does it, for the audit trail."""
    return f"operator:{getpass.getuser()}"
