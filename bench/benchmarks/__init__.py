"""One benchmark a file, each a function `measure(session) -> Result`. The order here is the order of a run."""

from collections.abc import Callable
from typing import Final

from bench.benchmarks import diff, fleet, memory, moving, neighbour, noop, plan, render, start, throughput, userinfo
from bench.results import Result
from bench.session import Session

BENCHMARKS: Final[dict[str, Callable[[Session], Result]]] = {
    "render": render.measure,
    "plan": plan.measure,
    "diff": diff.measure,
    "start": start.measure,
    # Before there is any load: what an idle tenant takes.
    "memory": memory.measure,
    "noop": noop.measure,
    "fleet": fleet.measure,
    "throughput": throughput.measure,
    "neighbour": neighbour.measure,
    "moving": moving.measure,
    "userinfo": userinfo.measure,
}
