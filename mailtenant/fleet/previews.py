"""A preview of many tenants in one process: Python and the SDKs are loaded once, some stacks at a time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mailtenant.fleet.automation import RunFailed, StackRunner


def preview_all(runner: StackRunner, labels: Sequence[str], concurrency: int) -> dict[str, Any]:
    """Label → operation → resources (without `same`), or `{"error": why}`."""

    def one(label: str) -> dict[str, Any]:
        try:
            return {op: n for op, n in runner.preview(label).counts.items() if op != "same"}
        except RunFailed as error:
            return {"error": str(error)}

    with ThreadPoolExecutor(concurrency) as pool:
        return dict(zip(labels, pool.map(one, labels), strict=True))
