"""The environment for tools (pulumi, docker): what setup found on this machine, under what the person has set."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

# Setup writes it into the virtual environment; an installation without one (a container image) has its own settings.
_FILE = Path(sys.prefix) / "mailtenant.env"
# The machine's part: always as setup found it, since a CLI, its home and its plugin belong together.
_FIXED = (
    "MAILTENANT_PULUMI",
    "MAILTENANT_PYTHON",
    "PULUMI_HOME",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION",
    "PULUMI_PYTHON_CMD",
)


def tool_environment(base: Mapping[str, str] | None = None, file: Path = _FILE) -> dict[str, str]:
    """A whole environment for a child process, also for `docker.from_env(environment=…)`.

    `base` (default: this process's environment) wins for DOCKER_HOST and PULUMI_BACKEND_URL; PATH begins with the
    virtual environment and the Pulumi CLI. Same rules as env.sh. Without the file: only `base`. Paths from the current
    folder become absolute: most children run in another one.
    """
    environment = dict(os.environ if base is None else base)
    environment |= _absolute(environment)
    found = _read(file)
    if not found:
        return environment
    for name, value in found.items():
        if name in _FIXED or not environment.get(name):
            environment[name] = value
    first = [str(file.parent / "bin"), found["MAILTENANT_PULUMI"]]
    rest = [folder for folder in environment.get("PATH", os.defpath).split(os.pathsep) if folder not in first]
    environment["PATH"] = os.pathsep.join([*first, *rest])
    if not environment.get("PULUMI_BACKEND_URL"):
        state = file.parent.parent / ".state"
        state.mkdir(exist_ok=True)
        environment["PULUMI_BACKEND_URL"] = f"file://{state}"
    return environment


def _absolute(environment: Mapping[str, str]) -> dict[str, str]:
    """The passphrase file and a backend in a folder, where they were given relative to the current folder."""
    found = {}
    if (file := environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")) and not file.startswith("/"):
        found["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(Path.cwd() / file)
    scheme, sign, folder = environment.get("PULUMI_BACKEND_URL", "").partition("://")
    if (scheme, sign) == ("file", "://") and not folder.startswith(("/", "~")):  # the CLI knows `~` itself
        found["PULUMI_BACKEND_URL"] = f"file://{Path.cwd() / folder}"
    return found


def _read(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (shlex.split(line, comments=True) for line in lines)
    return dict(pair[0].split("=", 1) for pair in pairs if pair and "=" in pair[0])
