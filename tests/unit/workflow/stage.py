"""A control plane with one customer, a clock that can be set on, and the workflow driven step by step, without DBOS."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, update

from mailtenant.control import customers, migrations
from mailtenant.control.configuration import ControlSettings
from mailtenant.control.plane import ControlPlane, open_plane
from mailtenant.control.sender import Letter, Sender
from mailtenant.control.tables import MigrationRow, Tenant, Worker
from mailtenant.migration import Migration, State, Window, events
from mailtenant.migration.evidence import Item
from mailtenant.workers.leases import Lease
from mailtenant.workers.locks import Locks
from mailtenant.workflow import runs
from mailtenant.workflow.decide import Step
from mailtenant.workflow.perform import Crew, perform
from mailtenant.workflow.ports import Moves
from mailtenant.workflow.settings import WorkflowSettings

from .played import Killed, PlayedMoves, World

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
RESTING = {State.COMPLETED, State.ROLLED_BACK, State.DEFERRED, State.OPTED_OUT, State.REQUESTED}


class Clock:
    """Stands still until it is set on."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


class Stage:
    """`order`: called before each look with the number of looks so far; a test orders rollbacks in it."""

    def __init__(self, folder: Path, url: str | None = None, *, provider: str = "cloudflare", **paces: float) -> None:
        self.clock = Clock()
        (folder / "control.key").write_text(base64.b64encode(bytes(32)).decode())
        (folder / "control.key").chmod(0o600)
        settings = ControlSettings.model_validate(
            {"database_url": url or f"sqlite:///{folder / 'control.db'}", "key_file": folder / "control.key"}
        )
        self.plane: ControlPlane = open_plane(settings, now=self.clock)
        if self.plane.database.sqlite:
            # These databases need not outlive a power cut.
            self.plane.database.engine.dispose()
            from sqlalchemy import event

            event.listen(self.plane.database.engine, "connect", lambda c, _: c.execute("PRAGMA synchronous = OFF"))
        self.settings = WorkflowSettings.model_validate({"pause": 1, "quiet": 1, **paces})
        self.sent: list[Letter] = []
        self.sender = Sender(self.plane, {"mail": self.sent.append}, "test")
        self.label = self._customer(provider)
        self.world = World(self.clock, self.serving)
        self.moves: Moves = PlayedMoves(self.world)
        self.crew = self._crew()
        self.kills = 0
        self.looks: list[str] = []

    def _customer(self, provider: str) -> str:
        with self.plane.database.write() as session:
            tenant = customers.add(
                self.plane, session, organisation="Acme GmbH", domains=["acme.test"], contact=("Jo", "jo@else.test"),
                actor="test", label="acme", provider=provider,
            )  # fmt: skip
            customers.confirm(self.plane, session, tenant.label, actor="test")
            for item in Item:
                migrations.check_item(self.plane, session, tenant, item, green=True, by="test")
            return tenant.label

    def _crew(self) -> Crew:
        lease = Lease(self.plane.database)
        lease.begin()
        locks = Locks(self.plane.database, lease.id)
        return Crew(self.plane, self.settings, self.moves, lease, locks, lambda _: False)

    def serving(self) -> str:
        with self.plane.database.read() as session:
            host = session.scalar(select(Tenant.imap_host).where(Tenant.label == self.label))
        return "tenant" if host == self.plane.settings.tenant_host(self.label) else "shared"

    @property
    def migration(self) -> Migration:
        with self.plane.database.read() as session:
            return migrations.load(session, customers.find(session, self.label))[1]

    @property
    def state(self) -> State:
        """Cheaper than the whole migration."""
        with self.plane.database.read() as session:
            return State(session.scalars(select(MigrationRow.state)).one())

    def schedule(self, days: int = 8, minutes: int = 120, interruption: int = 15) -> None:
        window = Window(self.clock() + timedelta(days=days), minutes, interruption)
        self.order(events.Schedule(window))

    def order(self, event: events.Event) -> None:
        migrations.apply_event(self.plane, self.label, event, actor="operator:test")

    def drive(self, until: Callable[[], bool] | None = None, most: int = 400) -> None:
        """Goes on until the migration rests, or stands failed; waits set the clock on. A killed worker is replaced."""
        for _ in range(most):
            self.sender.round()
            if until is not None and until():
                return
            if self.state in RESTING and not self._open():
                self.sender.round()
                return
            try:
                if not self._one():
                    return
            except Killed:
                self.kills += 1
                self._replace()
        raise AssertionError(f"no end after {most} looks: {self.looks[-10:]}")

    def _open(self) -> bool:
        with self.plane.database.read() as session:
            run = runs.get(session, customers.find(session, self.label))
            return bool(run and run.active)

    def _one(self) -> bool:
        for label, event in migrations.due_by_the_clock(self.plane):
            migrations.apply_event(self.plane, label, event, actor="workflow")
        runs.open_runs(self.plane, self.crew.lease)
        with self.plane.database.read() as session:
            run = runs.get(session, customers.find(session, self.label))
        if run is None or not run.active:
            return False
        look = runs.look(self.plane, self.crew.lease, self.settings, run.workflow, self.label)
        self.looks.append(look.step or f"{look.action}: {look.why}")
        match look.action:
            case "do":
                perform(self.crew, run.workflow, self.label, Step(look.step))
                self.clock.at += timedelta(seconds=1)
                return True
            case "wait" if look.seconds is not None:
                # Half a day at most, as the calendar's own events are looked for much more often.
                self.clock.at += timedelta(seconds=min(max(look.seconds, 0.001), 12 * 3600))
                self.world.traffic()
                return True
            case "wait":
                return False
        return True

    def _replace(self) -> None:
        """Another worker takes over; the dead one's row stays, fenced."""
        with self.plane.database.write() as session:
            session.execute(update(Worker).where(Worker.id == self.crew.lease.id).values(fenced_at=self.clock()))
        self.crew.locks.close()
        self.crew = self._crew()

    def close(self) -> None:
        self.crew.locks.close()
        self.plane.close()
