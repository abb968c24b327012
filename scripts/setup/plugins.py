"""The Docker provider plugin: installed, Pulumi's own download, else the project's drop-in `providers/offline/docker`.

The drop-in lies in a PULUMI_HOME of its own, in the same folder name that a downloaded plugin has, so that the engine
finds it the same way and the person's own ~/.pulumi stays as it is. The engine wants one executable there, and neither
a `.partial` nor a `.lock` file beside the folder.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from scripts.setup import network, pulumi_cli, versions
from scripts.setup.paths import VENV, cache
from scripts.setup.shell import answers

# Where Pulumi keeps releases of plugins; both are asked by `pulumi plugin install`.
SITES = ("api.github.com", "get.pulumi.com")


def prepare() -> str:
    """Have a Docker plugin of the SDK's version."""
    name = f"docker v{versions.docker_plugin()}"
    if official():
        return f"{name} is installed"
    unreached = [site for site in SITES if not network.reachable(site)]
    if len(unreached) < len(SITES) and _install() and official():
        return f"{name} installed"
    _write_drop_in(drop_in())
    return (
        f"{name}: the drop-in of providers/offline ({' and '.join(unreached or SITES)} cannot deliver the official one)"
    )


def official() -> bool:
    """Whether the official plugin lies where the CLI looks without our settings."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    tool = home / "plugins" / _folder() / "pulumi-resource-docker"
    # PULUMI_HOME may be ours already (a shell that has read env.sh): what lies there is the drop-in.
    return tool.is_file() and home.resolve() != own_home().resolve()


def own_home() -> Path:
    """PULUMI_HOME of a project that uses the drop-in."""
    return cache() / "pulumi-home"


def drop_in() -> Path:
    return own_home() / "plugins" / _folder() / "pulumi-resource-docker"


def _folder() -> str:
    return f"resource-docker-v{versions.docker_plugin()}"


def _install() -> bool:
    tool = pulumi_cli.required() / "pulumi"
    command: list[str | Path] = [tool, "plugin", "install", "resource", "docker", f"v{versions.docker_plugin()}"]
    env = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    if os.environ.get("PULUMI_HOME") == str(own_home()):
        env["PULUMI_HOME"] = str(Path.home() / ".pulumi")
    return answers(command, env=env, timeout=300) is not None


def _write_drop_in(tool: Path) -> None:
    """One cache serves several trees: the tree whose wrapper or env.sh is in use names its interpreter."""
    script = (
        "#!/bin/sh\n"
        "# Written by scripts/setup: starts the project's drop-in Docker plugin.\n"
        "# -P and no PYTHONPATH: the engine starts plugins in the program's folder, which must not be imported from.\n"
        "unset PYTHONPATH PYTHONHOME\n"
        f"python={shlex.quote(str(VENV / 'bin' / 'python'))}\n"
        'exec "${MAILTENANT_PYTHON:-$python}" -P -m providers.offline.docker "$@"\n'
    )
    tool.parent.mkdir(parents=True, exist_ok=True)
    for leftover in (".partial", ".lock"):
        tool.parent.with_name(tool.parent.name + leftover).unlink(missing_ok=True)
    if not tool.exists() or tool.read_text() != script:
        part = tool.with_name(f".{tool.name}.part")
        part.write_text(script)
        part.chmod(0o755)
        part.replace(tool)
