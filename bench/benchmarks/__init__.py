"""One benchmark a file, each a function `measure(session) -> Result`. The order here is the order of a run."""

from collections.abc import Callable
from typing import Final

<<<<<<< HEAD
from bench.benchmarks import memory, moving, noop, plan, render, start, throughput, userinfo
=======
from bench.benchmarks import diff, memory, noop, render, start, throughput
>>>>>>> diff
from bench.results import Result
from bench.session import Session

BENCHMARKS: Final[dict[str, Callable[[Session], Result]]] = {
    "render": render.measure,
<<<<<<< HEAD
    "plan": plan.measure,
=======
    "diff": diff.measure,
>>>>>>> diff
    "start": start.measure,
    # Before there is any load: what an idle tenant takes.
    "memory": memory.measure,
    "noop": noop.measure,
    "throughput": throughput.measure,
    "moving": moving.measure,
    "userinfo": userinfo.measure,
}
