"""All tenants that serve, a few at the same time: whose turn it is, and the loop in the worker.

A look is claimed in the database, so several workers share the tenants instead of asking each twice.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event as StopFlag
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from mailtenant.control import alerts
from mailtenant.control.alerts import Kind, Problem
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Alert, MigrationRow, MigrationRun, Tenant, Watched, Worker
from mailtenant.fleet.suspension import suspension
from mailtenant.migration import State
from mailtenant.watch.asking import Looked, Questions, look
from mailtenant.watch.settings import WatchSettings
from mailtenant.workers.leases import database_now

SERVED: Final = (State.HOLDING, State.COMPLETED)
"""Moved, and not watched by the move's own steps."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Turn:
    """A tenant to look at. `gentle`: without a mailbox of ours: a rollback may be ordered, or nobody may log in."""

    tenant: str
    gentle: bool


@dataclass(frozen=True)
class Watch:
    """`there`: labels of tenants of the project that have containers, whether they are customers or not.
    `questions`: what is asked of one."""

    plane: ControlPlane
    stacks: Path
    settings: WatchSettings
    there: Callable[[], Sequence[str]]
    questions: Callable[[Turn], Questions]

    def turns(self) -> Sequence[Turn]:
        """Customers that have moved, and tenants that are there without being customers; not those on their way."""
        states = self._states()
        moved = {label for label, state in states.items() if state in SERVED}
        others = {label for label in self.there() if label not in states}
        return [self._turn(label, states.get(label)) for label in sorted(moved | others)]

    def named(self, labels: Sequence[str]) -> tuple[Sequence[Turn], Mapping[str, str]]:
        """The turns of these; and label → state of those that are left out, since they are on their way."""
        states = self._states()
        left = {label: states[label].value for label in labels if states.get(label, State.COMPLETED) not in SERVED}
        return [self._turn(label, states.get(label)) for label in dict.fromkeys(labels) if label not in left], left

    def _turn(self, label: str, state: State | None) -> Turn:
        return Turn(label, state is State.HOLDING or suspension(self.stacks, label) is not None)

    def _states(self) -> Mapping[str, State]:
        query = (
            select(Tenant.label, MigrationRow.state)
            .join(MigrationRow, MigrationRow.tenant_id == Tenant.id)
            .where(Tenant.removed_at.is_(None))
        )
        with self.plane.database.read() as session:
            return {label: State(state) for label, state in session.execute(query)}

    def round(self, turns: Sequence[Turn], *, due: bool = False, stop: StopFlag | None = None) -> Sequence[Looked]:
        """Looks at each, in the order given; one that is broken stops no other. `due`: only those whose turn it is."""

        def one(turn: Turn) -> Looked | None:
            if stop is not None and stop.is_set():
                return None
            if not self._claim(turn.tenant, self.settings.pause if due else 0):
                return None
            found = look(self.plane, turn.tenant, self.questions(turn))
            self._ended(turn.tenant)
            return found

        def guarded(turn: Turn) -> Looked | None:
            try:
                return one(turn)
            except Exception as error:
                _log.exception("%s: the watch failed", turn.tenant)
                what = f"the watch itself failed ({type(error).__name__})"
                return Looked(turn.tenant, (Problem(Kind.NOT_ASKED, what, "see the log"),))

        with ThreadPoolExecutor(self.settings.concurrency, thread_name_prefix="watch") as pool:
            return [found for found in pool.map(guarded, turns) if found is not None]

    def forget(self, turns: Sequence[Turn]) -> None:
        """Ends what is on at tenants that are not looked at any more: taken down, or removed. `turns`: all of them."""
        query = select(Alert.tenant).where(Alert.lasting, Alert.ended_at.is_(None)).distinct()
        with self.plane.database.write() as session:
            known = {turn.tenant for turn in turns} | {alerts.EVERYBODY}
            for tenant in sorted(set(session.scalars(query)) - known):
                alerts.settle(self.plane, session, tenant, alerts.LASTING, ())

    def _claim(self, tenant: str, pause: float) -> bool:
        now = self.plane.now()
        try:
            with self.plane.database.write() as session:
                row = session.get(Watched, tenant, with_for_update=True)
                # A little early rather than a whole pause late.
                if row is not None and now - row.begun_at < timedelta(seconds=pause * 0.9):
                    return False
                if row is None:
                    session.add(Watched(tenant=tenant, begun_at=now, ended_at=None))
                else:
                    row.begun_at, row.ended_at = now, None
        except IntegrityError:
            return False  # another worker has it this very moment
        return True

    def _ended(self, tenant: str) -> None:
        with self.plane.database.write() as session:
            if (row := session.get(Watched, tenant, with_for_update=True)) is not None:
                row.ended_at = self.plane.now()


def run(watch: Watch, stop: StopFlag) -> None:
    """In the worker, until `stop` is set: a round, then a pause. `pause` 0: not at all."""
    pause = watch.settings.pause
    while pause and not stop.is_set():
        begun = time.monotonic()
        try:
            turns = watch.turns()
            watch.forget(turns)
            for found in watch.round(turns, due=True, stop=stop):
                for one in found.new:
                    _log.warning("%s: %s: %s", found.tenant, one.kind.value, one.what)
            settle_workers(watch.plane)
        except DBAPIError as error:
            _log.warning("the watch waits: the database is away (%s)", type(error).__name__)
        except Exception:
            _log.exception("a round of the watch failed")
        stop.wait(max(pause - (time.monotonic() - begun), 1))


def settle_workers(plane: ControlPlane) -> Sequence[Problem]:
    """Moves that are under way need a worker that is alive: the problem, told once, or none."""
    with plane.database.write() as session:
        now = database_now(session)
        moving = select(func.count()).select_from(MigrationRun).where(MigrationRun.active)
        live = (Worker.stopped_at.is_(None), Worker.fenced_at.is_(None), Worker.lease_until > now)
        alive = select(func.count()).select_from(Worker).where(Worker.kind == "migration", *live)
        count, workers = session.scalar(moving), session.scalar(alive)
        found = []
        if count and not workers:
            fix = "start one: mailtenant migrate run, as a service; then mailtenant migrate status"
            found.append(Problem(Kind.NO_WORKER, f"{count} moves are under way, and no worker is alive", fix))
        alerts.settle(plane, session, alerts.EVERYBODY, {Kind.NO_WORKER}, found)
    return found
