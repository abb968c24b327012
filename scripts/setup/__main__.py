"""`python3 scripts/setup [STEP…]`: all steps, or only those named. Every step looks first and works only if it must."""

from __future__ import annotations

import sys
import time
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit(f"setup: Python {sys.version.split()[0]} is too old; needed: 3.11 or newer as python3")

# Run as a folder: put the tree, not this folder, on the path (a module here is called like one of the standard library).
sys.path[0] = str(Path(__file__).resolve().parents[2])

from scripts.setup import base_image, engine, images, language_host, plugins, pulumi_cli, settings, venv
from scripts.setup.paths import cache, log_file
from scripts.setup.shell import Failure
from scripts.setup.steps import Step, only_one, run_lanes, say

# Lanes run side by side; within a lane each step needs the one before.
LANES = [
    [
        Step("engine", engine.prepare),
        Step("debian", base_image.prepare),
        Step("base", images.prepare_base),
        Step("images", images.prepare),
    ],
    [Step("environment", venv.prepare)],
    [Step("pulumi", pulumi_cli.prepare), Step("language-host", language_host.prepare), Step("plugins", plugins.prepare)],
]
# Needs all lanes.
LAST = [Step("settings", settings.prepare)]
# Done only when named.
EXTRA = [Step("lock", venv.lock), Step("stop-engine", engine.stop)]


def main(names: list[str]) -> int:
    known = {step.name: step for lane in LANES for step in lane} | {step.name: step for step in [*LAST, *EXTRA]}
    unknown = [name for name in names if name not in known]
    if unknown:
        say(f"setup: no step `{unknown[0]}`; the steps: {', '.join(known)}")
        return 2
    phases = [[[known[name] for name in names]]] if names else [LANES, [LAST]]
    begun = time.monotonic()
    try:
        with only_one(cache() / "setup.lock"):
            for lanes in phases:
                run_lanes(lanes)
    except Failure as failure:
        say(f"setup: {failure}")
        say(f"setup: log: {log_file()}")
        return 1
    say(f"setup: ready in {time.monotonic() - begun:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
