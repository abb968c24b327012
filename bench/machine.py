"""The machine that was measured: what a reader needs to place the absolute figures."""

import os
import platform
from pathlib import Path
from typing import Any


def describe(client: Any, date: str | None) -> dict[str, str]:
    """Word → value. The date only if somebody gives one: a page without it does not change where nothing changed."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    found = {
        "cores": f"{os.cpu_count()} ({_processor()})",
        "memory": f"{pages * size / 2**30:.0f} GiB",
        "kernel": platform.release().split("-")[0],
        "Docker": client.version()["Version"],
        "Python": platform.python_version(),
    }
    return found | ({"date": date} if date else {})


def _processor() -> str:
    """The model's name, where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
