"""Provider plugins: installed, Pulumi's own download, else the project's drop-ins of `providers/offline`.

The drop-ins lie in a PULUMI_HOME of their own, in the same folder names that downloaded plugins have, so that the
engine finds them the same way and the person's own ~/.pulumi stays as it is; official ones that are there already are
linked into it. The engine wants one executable in a folder, and neither a `.partial` nor a `.lock` file beside it.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from scripts.setup import network, pulumi_cli, versions
from scripts.setup.paths import VENV, cache
from scripts.setup.shell import answers

NAMES = ("docker", "cloudflare")
# Where Pulumi keeps releases of plugins; both are asked by `pulumi plugin install`.
SITES = ("api.github.com", "get.pulumi.com")


def prepare() -> str:
    """Have each plugin in the SDK's version."""
    missing = [name for name in NAMES if not installed(name)]
    said = [f"{_title(name)} is installed" for name in NAMES if name not in missing]
    unreached = [site for site in SITES if not network.reachable(site)] if missing else []
    if missing and len(unreached) < len(SITES):
        loaded = [name for name in missing if _install(name) and installed(name)]
        said += [f"{_title(name)} installed" for name in loaded]
        missing = [name for name in missing if name not in loaded]
    for name in missing:
        _write_drop_in(name)
    if missing:
        for name in NAMES:
            if name not in missing:
                _link(name)
        sites = " and ".join(unreached or SITES)
        said += [f"{_title(name)}: the drop-in of providers/offline" for name in missing]
        said[-1] += f" ({sites} cannot deliver the official ones)"
    return "; ".join(said)


def official() -> bool:
    """Whether every official plugin lies where the CLI looks without our settings."""
    return all(installed(name) for name in NAMES)


def installed(name: str) -> bool:
    """Whether the official plugin lies where the CLI looks without our settings."""
    home = _person_home()
    # PULUMI_HOME may be ours already (a shell that has read env.sh): what lies there is the drop-in.
    return _tool(home, name).is_file() and home.resolve() != own_home().resolve()


def own_home() -> Path:
    """PULUMI_HOME of a project that uses a drop-in."""
    return cache() / "pulumi-home"


def drop_in(name: str) -> Path:
    return _tool(own_home(), name)


def _person_home() -> Path:
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


def _tool(home: Path, name: str) -> Path:
    return home / "plugins" / f"resource-{name}-v{versions.plugin(name)}" / f"pulumi-resource-{name}"


def _title(name: str) -> str:
    return f"{name} v{versions.plugin(name)}"


def _install(name: str) -> bool:
    tool = pulumi_cli.required() / "pulumi"
    command: list[str | Path] = [tool, "plugin", "install", "resource", name, f"v{versions.plugin(name)}"]
    env = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    if os.environ.get("PULUMI_HOME") == str(own_home()):
        env["PULUMI_HOME"] = str(Path.home() / ".pulumi")
    return answers(command, env=env, timeout=300) is not None


def _link(name: str) -> None:
    """An official plugin, seen from our own PULUMI_HOME too."""
    folder = drop_in(name).parent
    theirs = _tool(_person_home(), name).parent
    if folder.is_symlink() and folder.resolve() == theirs.resolve():
        return
    if folder.is_symlink():
        folder.unlink()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(theirs)


def _write_drop_in(name: str) -> None:
    """One cache serves several trees: the tree whose wrapper or env.sh is in use names its interpreter."""
    tool = drop_in(name)
    script = (
        "#!/bin/sh\n"
        f"# Written by scripts/setup: starts the project's drop-in {name} plugin.\n"
        "# -P and no PYTHONPATH: the engine starts plugins in the program's folder, which must not be imported from.\n"
        "unset PYTHONPATH PYTHONHOME\n"
        f"python={shlex.quote(str(VENV / 'bin' / 'python'))}\n"
        f'exec "${{MAILTENANT_PYTHON:-$python}}" -P -m providers.offline.{name} "$@"\n'
    )
    if tool.parent.is_symlink():
        tool.parent.unlink()
    tool.parent.mkdir(parents=True, exist_ok=True)
    for leftover in (".partial", ".lock"):
        tool.parent.with_name(tool.parent.name + leftover).unlink(missing_ok=True)
    if not tool.exists() or tool.read_text() != script:
        part = tool.with_name(f".{tool.name}.part")
        part.write_text(script)
        part.chmod(0o755)
        part.replace(tool)
