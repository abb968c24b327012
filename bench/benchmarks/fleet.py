"""Previews of a fleet by long-lived processes, against one `pulumi preview` a tenant; and what such a process holds."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.commands import timed
from bench.results import Aim, BenchError, Figure, Result
from bench.session import Session
from bench.statistics import compare, interleaved
from bench.tenant import LABEL, BenchTenant
from mailtenant.fleet.stack_pool import Run, StackPool

FASTER = Aim("at most", 0.5)
PROCESSES = 2


def measure(session: Session) -> Result:
    """Every preview is of the one tenant under test: what differs between tenants costs nothing here."""
    tenant, number = session.started().tenant, 4 if session.quick else 20
    memory = 0.0

    def pooled() -> None:
        nonlocal memory
        with _environment(tenant), StackPool(tenant.project, PROCESSES) as pool, ThreadPoolExecutor(PROCESSES) as many:
            ran = list(many.map(lambda _: pool.run(Run(LABEL, preview=True)), range(number)))
            if errors := [one.error for one in ran if one.error]:
                raise BenchError(f"fleet: {errors[0]}")
            memory = max(memory, pool.peak_memory_mib())

    def separate() -> None:
        for _ in range(number):
            tenant.pulumi("preview", "--suppress-outputs")

    session.say(f"fleet: {number} previews, both ways")
    ours, theirs = interleaved(1 if session.quick else 3, lambda: timed(pooled), lambda: timed(separate))
    compared = compare(ours, theirs)
    return Result(
        "fleet",
        f"A preview of {number} tenants",
        f"{PROCESSES} processes with inline programs, start included, against `pulumi preview`, one by one.",
        (
            Figure("all previews", compared.value, "s", compared.baseline, compared.ratio, compared.spread, FASTER),
            Figure("most memory of a process", memory, "MiB"),
        ),
        baseline=f"{number} calls of `pulumi preview`",
    )


@contextmanager
def _environment(tenant: BenchTenant) -> Iterator[None]:
    """The processes inherit this one's environment."""
    before = dict(os.environ)
    os.environ.update(tenant.environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
