"""What the engine and the kernel know about containers: CPU time, memory, log lines."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.results import BenchError

_PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)


def cpu_seconds(client: Any, names: Iterable[str]) -> float:
    """CPU time that the containers' cgroups have used since they were started."""
    return sum(
        float(client.api.stats(name, stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9
        for name in names
    )


def pss_mib(client: Any, name: str) -> float:
    """Proportional set size of all processes of a container: a page that several share counts for each in part.

    Raises: BenchError, where the kernel does not let this process look (not root, or the engine is on another machine).
    """
    return sum(_pss_kib(pid) for pid in _processes(client, name)) / 1024


def log_count(client: Any, name: str, words: bytes) -> int:
    """How often the container's log holds the words."""
    return int(client.containers.get(name).logs().count(words))


def _processes(client: Any, name: str) -> list[int]:
    top = client.api.top(name, ps_args="-eo pid")
    column = top["Titles"].index("PID")
    return [int(row[column]) for row in top["Processes"]]


def _pss_kib(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended between the list and the look
    except PermissionError:
        raise BenchError("memory of processes is not readable; run as root on the engine's machine") from None
    found = _PSS.search(text)
    return int(found[1]) if found else 0
