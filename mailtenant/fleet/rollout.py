"""A rollout as durable workflows: one that goes through the waves, and one a tenant, which any worker may take.

DBOS brings each back where it stopped: a step that was recorded is not done again, and the step that a worker died in
is done anew, which every one of them allows. A tenant is worked on by one worker at a time: its lock is held for the
whole workflow, and given back by the database when the worker dies.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final
from zlib import crc32

from dbos import DBOS, SetWorkflowID

from mailtenant.fleet import carry
from mailtenant.fleet.carry import Means, Patience
from mailtenant.fleet.journal import Journal, RunView
from mailtenant.workers.locks import Busy, Locks

QUEUE: Final = "fleet"


@dataclass(frozen=True)
class Context:
    """What this process works with: set once, before DBOS is launched."""

    journal: Journal
    means: Means
    locks: Locks
    worker: str
    patience: Patience = field(default_factory=Patience)


_context: Context | None = None


def work_with(context: Context | None) -> None:
    """Sets the context of this process's workflows."""
    global _context
    _context = context


def rollout_id(rollout: int, attempt: int) -> str:
    """The workflow's id: starting it twice is starting it once."""
    return f"rollout-{rollout}-{attempt}"


def start(rollout: int, attempt: int) -> None:
    """Starts the workflow, or joins it."""
    with SetWorkflowID(rollout_id(rollout, attempt)):
        DBOS.start_workflow(through_the_waves, rollout, attempt)


@DBOS.workflow()
def through_the_waves(rollout: int, attempt: int) -> str:
    """Each wave's tenants, then the next wave's; ends early when the rollout was halted. Gives its state."""
    plan = _plan(rollout)
    for number in range(plan["waves"]):
        handles = []
        for label in _wave(rollout, number):
            with SetWorkflowID(f"{rollout_id(rollout, attempt)}-{label}"):
                handles.append(DBOS.enqueue_workflow(QUEUE, tenant, rollout, label, plan["release"]))
        for handle in handles:
            try:
                handle.get_result()
            except Exception as error:
                DBOS.logger.error(f"a tenant's workflow ended by itself: {type(error).__name__}")
        if not _may_go_on(rollout, number):
            break
    return _close(rollout)


@DBOS.workflow()
def tenant(rollout: int, label: str, release: str | None) -> str:
    """One tenant: edit, up, probe; if one fails, back to the release before. Gives its end state."""
    with _only_one(label):
        given = _begin(rollout, label)
        if given is None:
            return "nothing to do"
        try:
            return _carry_out(rollout, label, release, given)
        except Exception as error:
            # A defect of ours, or the database: the tenant stays as it is, named, and the operator sees no traceback.
            DBOS.logger.error("a tenant's run ended by a defect", exc_info=error)
            return _finish(rollout, label, "failed", f"an error of this program: {type(error).__name__}: {error}", {})


def _carry_out(rollout: int, label: str, release: str | None, given: dict[str, Any]) -> str:
    failed = _edit(rollout, given, release)
    if failed:
        return _finish(rollout, label, "failed", failed, {})
    failed, changes = _up(rollout, given)
    failed = failed or _probe(rollout, given)
    if not failed:
        return _finish(rollout, label, "done", "", changes)
    if release is None or release == given["before"]:
        return _finish(rollout, label, "failed", failed, changes)
    state, told = _revert(rollout, given, failed)
    return _finish(rollout, label, state, told, changes)


@DBOS.step()
def _plan(rollout: int) -> dict[str, Any]:
    view = _with().journal.view(rollout)
    return {"waves": view.waves, "release": view.release}


@DBOS.step()
def _wave(rollout: int, number: int) -> list[str]:
    return [r.label for r in _with().journal.view(rollout).wave(number) if r.state in ("waiting", "running")]


@DBOS.step()
def _may_go_on(rollout: int, number: int) -> bool:
    journal = _with().journal
    view = journal.view(rollout)
    if view.state == "running" and (lost := [r.label for r in view.wave(number) if r.state in ("waiting", "running")]):
        journal.halt(
            rollout, f"wave {number + 1} did not end: {', '.join(lost[:5])}; see the worker's log, then resume"
        )
        return False
    return view.state == "running"


@DBOS.step()
def _close(rollout: int) -> str:
    return _with().journal.close(rollout)


@DBOS.step()
def _begin(rollout: int, label: str) -> dict[str, Any] | None:
    run = _with().journal.start(rollout, label, _with().worker)
    return asdict(replace(run, changes=dict(run.changes))) if run else None


@DBOS.step()
def _edit(rollout: int, given: dict[str, Any], release: str | None) -> str:
    return carry.edit(_with().journal, _with().means, rollout, RunView(**given), release)


@DBOS.step()
def _up(rollout: int, given: dict[str, Any]) -> tuple[str, dict[str, int]]:
    return carry.bring_up(_with().journal, _with().means, rollout, RunView(**given), _with().patience)


@DBOS.step()
def _probe(rollout: int, given: dict[str, Any]) -> str:
    return carry.probe(_with().journal, _with().means, rollout, RunView(**given))


@DBOS.step()
def _revert(rollout: int, given: dict[str, Any], why: str) -> tuple[str, str]:
    return carry.revert(_with().journal, _with().means, rollout, RunView(**given), why, _with().patience)


@DBOS.step()
def _finish(rollout: int, label: str, state: str, error: str, changes: dict[str, int]) -> str:
    _with().journal.finish(rollout, label, state, error, changes)
    return state


def _with() -> Context:
    if _context is None:
        raise RuntimeError("work_with() comes before DBOS.launch()")
    return _context


@contextmanager
def _only_one(label: str) -> Iterator[None]:
    """The tenant's lock; waits for another worker that holds it."""
    # Below zero: no customer's number of the control plane, whose locks have the same class.
    number = -1 - (crc32(label.encode()) & 0x7FFFFFFF)
    while True:
        try:
            with _with().locks.hold(number):
                yield
                return
        except Busy:
            time.sleep(1)
