"""Writes what setup found, `.venv/mailtenant.env`, and the wrapper `.venv/bin/pulumi`.

`env.sh` (shells), the wrapper (a clean shell) and mailtenant/environment.py (Python) read that file, so that every
way to start a tool finds the same CLI, plugin and engine.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from scripts.setup import engine, language_host, plugins, pulumi_cli
from scripts.setup.paths import TREE, VENV

FILE = VENV / "mailtenant.env"
WRAPPER = VENV / "bin" / "pulumi"


def prepare() -> str:
    """Write the settings and the wrapper, where they differ."""
    changed = [_write(FILE, render(found()), 0o644), _write(WRAPPER, wrapper(TREE), 0o755)]
    return "written" if any(changed) else "up to date"


def found() -> dict[str, str]:
    """The settings that tools of this tree need on this machine."""
    settings = {
        "MAILTENANT_PULUMI": str(pulumi_cli.required()),
        "MAILTENANT_PYTHON": str(VENV / "bin" / "python"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    if (shim := language_host.shim()) is not None:
        settings["PULUMI_PYTHON_CMD"] = str(shim)
    if not plugins.official():
        settings["PULUMI_HOME"] = str(plugins.own_home())
        settings["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    host = engine.required().host
    if host is not None:
        settings["DOCKER_HOST"] = host
    return settings


def render(settings: dict[str, str]) -> str:
    """The text of mailtenant.env."""
    lines = ["# Written by scripts/setup; read by env.sh, .venv/bin/pulumi and mailtenant/environment.py. Do not edit."]
    lines += [f"{name}={shlex.quote(value)}" for name, value in settings.items()]
    return "\n".join(lines) + "\n"


def wrapper(tree: Path) -> str:
    """The script `.venv/bin/pulumi` of a tree."""
    return f"""#!/bin/sh
# Written by scripts/setup: the Pulumi CLI with this project's settings, also from a shell that has not read env.sh.
mailtenant_tree={shlex.quote(str(tree))}
mailtenant_stack=
mailtenant_before=
mailtenant_pack=
for word in "$@"; do
    case "$mailtenant_before" in -s | --stack) mailtenant_stack=$word ;; esac
    case "$word" in --stack=*) mailtenant_stack=${{word#--stack=}} ;; -s?*) mailtenant_stack=${{word#-s}} ;; esac
    # A language host that was built here is not told which policy pack it starts: scripts/setup/language_host.py.
    case "$mailtenant_before" in --policy-pack) mailtenant_pack=$word ;; esac
    case "$word" in --policy-pack=*) mailtenant_pack=${{word#--policy-pack=}} ;; esac
    mailtenant_before=$word
done
# `pulumi stack init acme`, `pulumi stack select acme`: there the stack is a word of its own.
if [ -z "$mailtenant_stack" ] && [ "${{1:-}}" = stack ]; then mailtenant_stack=$mailtenant_before; fi
# A stack below the reserved domain .test is a demo: its passphrase is in the tree and keeps nothing secret.
mailtenant_mode=
if [ -n "$mailtenant_stack" ] && grep -Eqs '^ *platform_domain: *[^ #]+\\.test[^a-z0-9.-]*(#.*)?$' \\
    "$mailtenant_tree/stacks/Pulumi.$mailtenant_stack.yaml"; then
    mailtenant_mode=demo
fi
if [ -n "$mailtenant_pack" ] && [ -d "$mailtenant_pack" ]; then
    MAILTENANT_POLICY_PACK=$(CDPATH='' cd -- "$mailtenant_pack" && pwd)
    export MAILTENANT_POLICY_PACK
fi
. "$mailtenant_tree/env.sh"
exec "$MAILTENANT_PULUMI/pulumi" "$@"
"""


def _write(file: Path, text: str, mode: int) -> bool:
    if file.exists() and file.read_text() == text and os.access(file, os.X_OK) == bool(mode & 0o100):
        return False
    part = file.with_name(f".{file.name}.part")
    part.write_text(text)
    part.chmod(mode)
    part.replace(file)
    return True
