"""`python3 scripts/setup [STEP…]`: all steps, or only those named. Every step looks first and works only if it must."""

from __future__ import annotations

import sys
import time
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - this very check needs to run on the older ones
    sys.exit(f"setup: Python {sys.version.split()[0]} is too old; needed: 3.11 or newer as python3")

# Run as a folder: the tree, not this folder, belongs on the path (`venv` here is not the standard library's).
sys.path[0] = str(Path(__file__).resolve().parents[2])

from scripts.setup import base_image, engine, images, language_host, plugins, pulumi_cli, settings, venv  # noqa: E402
from scripts.setup.paths import cache, log_file  # noqa: E402
from scripts.setup.shell import Failure  # noqa: E402
from scripts.setup.steps import Step, only_one, run_lanes, say  # noqa: E402

# Lanes run side by side; within a lane each step needs the one before.
LANES = [
    [
        Step("engine", engine.prepare),
        Step("debian", base_image.prepare),
        Step("base", images.prepare_base),
        Step("images", images.prepare),
    ],
    [Step("environment", venv.prepare)],
    [
        Step("pulumi", pulumi_cli.prepare),
        Step("language-host", language_host.prepare),
        Step("plugins", plugins.prepare),
        Step("settings", settings.prepare, after=("engine", "environment")),
    ],
]
# Done only when named.
EXTRA = [Step("lock", venv.lock), Step("stop-engine", engine.stop)]


def main(names: list[str]) -> int:
    known = {step.name: step for lane in LANES for step in lane} | {step.name: step for step in EXTRA}
    unknown = [name for name in names if name not in known]
    if unknown:
        say(f"setup: no step `{unknown[0]}`; the steps: {', '.join(known)}")
        return 2
    lanes = [[known[name] for name in names]] if names else LANES
    begun = time.monotonic()
    try:
        with only_one(cache() / "setup.lock"):
            run_lanes(lanes)
    except OSError as refused:  # those of a step are Failures already
        say(f"setup: {refused.filename}: {refused.strerror}; name another folder: MAILTENANT_CACHE=<folder>")
        return 1
    except Failure as failure:
        say(f"setup: {failure}")
        say(f"setup: log: {log_file()}")
        return 1
    say(f"setup: ready in {time.monotonic() - begun:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
