"""What a rollout is doing, in the database: the one truth that workers, `status`, `halt` and `resume` share.

SQLite embedded, PostgreSQL for several workers. Every write of a worker is fenced: one that was silent for longer than
its lease writes nothing more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailtenant.control.database import Database
from mailtenant.control.tables import Rollout, RolloutRun
from mailtenant.fleet.waves import exceeds_budget

OPEN: Final = ("running", "halted")
FAILED: Final = ("failed", "reverted")
AGAIN: Final = ("failed", "reverted", "held", "running")


class FleetError(RuntimeError):
    """A fleet command that is refused: what, and the fix."""


@dataclass(frozen=True)
class Planned:
    """A tenant's place in a new rollout."""

    label: str
    wave: int
    inputs: str
    before: str


@dataclass(frozen=True)
class RunView:
    """A tenant's part, as it is now."""

    label: str
    wave: int
    state: str
    step: str
    before: str
    inputs: str
    error: str
    worker: str | None
    changes: Mapping[str, int]
    seconds: float | None


@dataclass(frozen=True)
class RolloutView:
    """A rollout, as it is now; `runs` in the order of the plan."""

    id: int
    state: str
    release: str | None
    attempt: int
    options: Mapping[str, Any]
    reason: str
    runs: tuple[RunView, ...]

    def count(self, *states: str) -> int:
        return sum(run.state in states for run in self.runs)

    def wave(self, number: int) -> tuple[RunView, ...]:
        return tuple(run for run in self.runs if run.wave == number)

    @property
    def waves(self) -> int:
        return max((run.wave for run in self.runs), default=-1) + 1

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "state": self.state, "release": self.release, "attempt": self.attempt,
            "reason": self.reason, "options": dict(self.options),
            "tenants": [
                {"label": r.label, "wave": r.wave + 1, "state": r.state, "step": r.step, "before": r.before,
                 "changes": dict(r.changes), "seconds": r.seconds, "error": r.error, "worker": r.worker}
                for r in self.runs
            ],
        }  # fmt: skip


class Journal:
    """`live` raises in a transaction if this process may no longer write (`Lease.require_live`)."""

    def __init__(self, database: Database, live: Callable[[Session], None] = lambda _: None) -> None:
        self.database, self._live = database, live

    # -- by people -----------------------------------------------------------------------------------------------------

    def begin(self, planned: Sequence[Planned], release: str | None, options: Mapping[str, Any], actor: str) -> int:
        """A new rollout. Raises: FleetError, while another one is open."""
        with self.database.write() as session:
            if other := session.scalars(select(Rollout).where(Rollout.state.in_(OPEN))).first():
                raise FleetError(
                    f"rollout {other.id} is {other.state}: `mailtenant fleet resume`, or end it: "
                    "`mailtenant fleet halt --end`"
                )
            row = Rollout(
                state="running", release=release, attempt=1, options=dict(options), reason="", actor=actor,
                created_at=_now(), ended_at=None,
            )  # fmt: skip
            session.add(row)
            session.flush()
            session.add_all(
                RolloutRun(
                    rollout_id=row.id, label=p.label, position=i, wave=p.wave, state="waiting", step="", attempt=0,
                    worker=None, inputs=p.inputs, before=p.before, changes={}, error="", started_at=None, ended_at=None,
                )
                for i, p in enumerate(planned)
            )  # fmt: skip
            return row.id

    def halt(self, rollout: int, reason: str, *, end: bool = False) -> None:
        """Nothing more begins; what runs goes on to its end. `end`: it can no longer be resumed."""
        with self.database.write() as session:
            row = self._open(session, rollout)
            row.state, row.reason = ("ended" if end else "halted"), reason
            row.ended_at = _now() if end else None

    def reopen(self, rollout: int) -> int:
        """Resumes: what failed or was held is tried again. Gives the new attempt's number; the same one, if the rollout
        was never halted (its workers died)."""
        with self.database.write() as session:
            row = self._open(session, rollout)
            if row.state == "halted":
                row.state, row.reason, row.attempt = "running", "", row.attempt + 1
                for run in session.scalars(select(RolloutRun).where(RolloutRun.rollout_id == rollout)):
                    if run.state in AGAIN:
                        run.state, run.error = "waiting", ""
            return row.attempt

    def latest(self) -> RolloutView | None:
        with self.database.read() as session:
            found = session.scalar(select(func.max(Rollout.id)))
        return self.view(found) if found else None

    def view(self, rollout: int) -> RolloutView:
        """Raises: FleetError, if there is none."""
        with self.database.read() as session:
            row = session.get(Rollout, rollout)
            if row is None:
                raise FleetError(f"there is no rollout {rollout}; `mailtenant fleet status` names the last one")
            runs = session.scalars(
                select(RolloutRun).where(RolloutRun.rollout_id == rollout).order_by(RolloutRun.position)
            )
            return RolloutView(
                row.id, row.state, row.release, row.attempt, row.options, row.reason, tuple(map(_view, runs))
            )

    # -- by workers ----------------------------------------------------------------------------------------------------

    def start(self, rollout: int, label: str, worker: str) -> RunView | None:
        """A worker takes the tenant: None if nothing is to be done (rollout halted, or the tenant is done)."""
        with self.database.write() as session:
            self._live(session)
            row, run = session.get_one(Rollout, rollout, with_for_update=True), self._run(session, rollout, label)
            if run.state not in ("waiting", "running"):
                return None
            if row.state != "running" and not run.step:
                run.state = "held"
                return None
            run.state, run.worker, run.attempt = "running", worker, run.attempt + 1
            run.started_at, run.ended_at = run.started_at or _now(), None
            return _view(run)

    def step(self, rollout: int, label: str, step: str, error: str = "") -> None:
        """Written before the step begins; `error` is why a tenant is taken back."""
        with self.database.write() as session:
            self._live(session)
            run = self._run(session, rollout, label)
            run.step, run.error = step, error or run.error

    def finish(
        self, rollout: int, label: str, state: str, error: str = "", changes: Mapping[str, int] | None = None
    ) -> None:
        """The tenant's end; halts the rollout in the same transaction if its failure budget is spent."""
        with self.database.write() as session:
            self._live(session)
            row, run = session.get_one(Rollout, rollout, with_for_update=True), self._run(session, rollout, label)
            run.state, run.step, run.error, run.ended_at = state, "", error, _now()
            run.changes = dict(changes or run.changes)
            session.flush()
            failed = list(session.scalars(select(RolloutRun.label).where(
                RolloutRun.rollout_id == rollout, RolloutRun.state.in_(FAILED)
            ).order_by(RolloutRun.position)))  # fmt: skip
            if row.state == "running" and exceeds_budget(len(failed), int(row.options["budget"])):
                row.state = "halted"
                row.reason = f"{len(failed)} failed ({', '.join(failed[:5])}), where {row.options['budget']} may"

    def close(self, rollout: int) -> str:
        """After the last wave, or when a wave was held: the rollout's state."""
        with self.database.write() as session:
            self._live(session)
            row = session.get_one(Rollout, rollout, with_for_update=True)
            for run in session.scalars(select(RolloutRun).where(
                RolloutRun.rollout_id == rollout, RolloutRun.state == "waiting"
            )):  # fmt: skip
                if row.state != "running":
                    run.state = "held"
            if row.state == "running":
                row.state, row.ended_at = "done", _now()
            return row.state

    def _open(self, session: Session, rollout: int) -> Rollout:
        row = session.get(Rollout, rollout, with_for_update=True)
        if row is None or row.state not in OPEN:
            raise FleetError(f"rollout {rollout} is not open: it is {row.state if row else 'unknown'}")
        return row

    @staticmethod
    def _run(session: Session, rollout: int, label: str) -> RolloutRun:
        return session.get_one(RolloutRun, (rollout, label))


def _now() -> datetime:
    return datetime.now(UTC)


def _view(run: RolloutRun) -> RunView:
    seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at and run.started_at else None
    return RunView(
        run.label, run.wave, run.state, run.step, run.before, run.inputs, run.error, run.worker, run.changes, seconds
    )
