"""Pulumi's Python language host: it comes with the official CLI; beside a CLI that was built here it is built, too.

The last release of the Go module that holds the host is much older than the CLI. They talk the same protocol; what the
old host does not know: `runtime.options.virtualenv` (so `.venv/bin` comes first on PATH) and policy packs.
"""

from __future__ import annotations

import shutil

from scripts.setup import go, pulumi_cli

PACKAGE = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
# Two scripts that the host and the engine look for beside themselves; these are in the SDK's current release.
_SCRIPTS = ["python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python"]


def prepare() -> str:
    """Have the language host beside the CLI."""
    home = pulumi_cli.required()
    names = ["pulumi-language-python", *(script.rsplit("/", 1)[1] for script in _SCRIPTS)]
    if all((home / name).is_file() for name in names):
        return f"at {home}"
    home = pulumi_cli.built()
    source = go.module_folder("pulumi", _SDK)
    for script in _SCRIPTS:
        target = home / script.rsplit("/", 1)[1]
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / script, target)
        target.chmod(0o755)
    go.build("language-python", PACKAGE, home / "pulumi-language-python")
    return f"built from Go modules at {home}"
