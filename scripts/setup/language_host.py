"""Pulumi's Python language host: it comes with the official CLI; beside a CLI that was built here it is built, too.

The last release of the Go module that holds the host is much older than the CLI. They talk the same protocol; what the
old host does not know: `runtime.options.virtualenv` (so `.venv/bin` comes first on PATH), and how policy packs are
started now. For those it runs `python "" <address>`: the interpreter that it is told to use (PULUMI_PYTHON_CMD) is a
script that turns this into what the official host runs.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.setup import go, pulumi_cli

PACKAGE = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
# Two scripts that the host and the engine look for beside themselves; these are in the SDK's current release.
_SCRIPTS = ["python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python"]

SHIM = "mailtenant-python"
_SHIM = """\
#!/bin/sh
# Written by scripts/setup: the interpreter of the built language host. An empty program means a policy pack, and the
# engine's address is all that the host knows of it: which pack, .venv/bin/pulumi has put into the environment.
python=${MAILTENANT_PYTHON:-python3}
if [ $# -ge 2 ] && [ -z "$1" ]; then
    if [ -z "${MAILTENANT_POLICY_PACK:-}" ]; then
        echo "set MAILTENANT_POLICY_PACK to the folder of the policy pack: this language host is not told" >&2
        exit 1
    fi
    cd "$MAILTENANT_POLICY_PACK" || exit 1
    exec "$python" -u -m pulumi.policy "$2" "$MAILTENANT_POLICY_PACK"
fi
exec "$python" "$@"
"""


def shim() -> Path | None:
    """The interpreter that the built host needs for policy packs; None beside an official CLI, which needs none."""
    found = pulumi_cli.required() / SHIM
    return found if found.is_file() else None


def prepare() -> str:
    """Have the language host beside the CLI."""
    home = pulumi_cli.required()
    names = ["pulumi-language-python", *(script.rsplit("/", 1)[1] for script in _SCRIPTS)]
    if all((home / name).is_file() for name in names):
        if home == pulumi_cli.built():
            _write_shim(home)
        return f"at {home}"
    home = pulumi_cli.built()
    source = go.module_folder("pulumi", _SDK)
    for script in _SCRIPTS:
        target = home / script.rsplit("/", 1)[1]
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / script, target)
        target.chmod(0o755)
    _write_shim(home)
    go.build("language-python", PACKAGE, home / "pulumi-language-python")
    return f"built from Go modules at {home}"


def _write_shim(home: Path) -> None:
    tool = home / SHIM
    if not tool.is_file() or tool.read_text() != _SHIM:
        part = tool.with_name(f".{SHIM}.part")
        part.write_text(_SHIM)
        part.chmod(0o755)
        part.replace(tool)
