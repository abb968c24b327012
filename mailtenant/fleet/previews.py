"""A preview of many tenants by a few processes: Python and the SDKs are loaded once in each."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mailtenant.fleet.stack_pool import Run, StackPool


def preview_all(project: Path, labels: Sequence[str], concurrency: int) -> dict[str, Any]:
    """Label → operation → resources (without `same`), or `{"error": why}`."""
    with StackPool(project, concurrency) as pool, ThreadPoolExecutor(concurrency) as threads:

        def one(label: str) -> dict[str, Any]:
            ran = pool.run(Run(label, preview=True))
            return {"error": ran.error} if ran.error else {op: n for op, n in ran.counts.items() if op != "same"}

        return dict(zip(labels, threads.map(one, labels), strict=True))
