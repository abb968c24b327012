"""A control plane for tests: a clock that is turned by hand, customers, and the way to a state of a migration."""

import base64
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from mailtenant.control import customers, migrations, outbox
from mailtenant.control.configuration import ControlSettings
from mailtenant.control.plane import ControlPlane, open_plane
from mailtenant.control.tables import Message, Tenant
from mailtenant.migration import Migration, State, Window, events
from mailtenant.migration.evidence import CopyReport, Item, SmokeTest, Verification
from tests.unit.migration.examples import EQUAL, INBOX, NOW, PROBES, SEEN

ACTOR = "operator:test"
SHARED, HOST = "mail.inboxment.com", "acme.outboxment.com"


@dataclass
class Clock:
    """Aware, UTC; goes when it is told to."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at

    def turn(self, **span: float) -> None:
        self.at += timedelta(**span)


def settings_for(url: str, folder: Path, **more: object) -> ControlSettings:
    """`folder` keeps the master key."""
    key = folder / "control.key"
    if not key.exists():
        key.write_text(base64.b64encode(bytes(range(32))).decode())
    return ControlSettings.model_validate({"database_url": url, "key_file": str(key), **more})


def plane_for(url: str, folder: Path, clock: Clock | None = None, **more: object) -> ControlPlane:
    return open_plane(settings_for(url, folder, **more), now=clock or Clock())


def clock_of(plane: ControlPlane) -> Clock:
    assert isinstance(plane.now, Clock)
    return plane.now


def add_customer(plane: ControlPlane, organisation: str = "Acme GmbH", *domains: str, **more: str) -> str:
    """A customer with one contact; its proposed label."""
    with plane.database.write() as session:
        tenant = customers.add(
            plane,
            session,
            organisation=organisation,
            domains=domains or (f"{organisation.split()[0].lower()}.test",),
            contact=("Jo Doe", "jo@example.com"),
            actor=ACTOR,
            **more,
        )
        return tenant.label


def ready_customer(plane: ControlPlane, organisation: str = "Acme GmbH", *domains: str, **more: str) -> str:
    """One whose label is confirmed and whose checklist is green."""
    label = add_customer(plane, organisation, *domains, **more)
    with plane.database.write() as session:
        tenant = customers.confirm(plane, session, label, actor=ACTOR)
        for item in Item:
            migrations.check_item(plane, session, tenant, item, green=True, by="Jo Doe")
    return label


def announce(plane: ControlPlane) -> None:
    """As if a sender had delivered everything just now."""
    with plane.database.write() as session:
        for row in session.scalars(select(Message).where(Message.state == outbox.WAITING)):
            row.state, row.sent_at = outbox.SENT, plane.now()


def advance(plane: ControlPlane, label: str, until: State) -> Migration:
    """A migration that goes well, event by event, up to a state; the clock is turned as far as guards ask for."""
    clock = clock_of(plane)
    window = Window(clock.at + timedelta(days=10), minutes=120, interruption=15)
    cut = window.start + timedelta(minutes=8)
    steps: tuple[tuple[State, datetime, events.Event], ...] = (
        (State.SCHEDULED, clock.at, events.Schedule(window)),
        (State.PREPARING, clock.at, events.Prepare()),
        (State.PREPARED, clock.at, events.Prepared(SmokeTest(True))),
        (State.COPYING, clock.at + timedelta(days=8), events.StartCopy(SEEN)),
        (State.FROZEN, window.start + timedelta(minutes=5), events.Freeze(EQUAL)),
        (State.CUT_OVER, cut, events.CutOver(EQUAL)),
        (State.VERIFYING, cut + timedelta(minutes=10), events.Verify(SEEN)),
        (State.HOLDING, cut + timedelta(minutes=40), events.Verified(Verification(PROBES, cut))),
        (State.HOLDING, cut + timedelta(days=1), events.Agree("Jo Doe")),
        (State.COMPLETED, cut + timedelta(days=8), events.Complete()),
    )
    made = None
    for reached, at, event in steps:
        clock.at = max(clock.at, at)
        made = migrations.apply_event(plane, label, event, actor="workflow")
        announce(plane)
        if reached is until:
            return made
    raise AssertionError(until)


def hosts(plane: ControlPlane, label: str) -> tuple[str, str]:
    """What `/api/userinfo/` is made of."""
    with plane.database.read() as session:
        row = session.execute(select(Tenant.smtp_host, Tenant.imap_host).where(Tenant.label == label)).one()
        return row.smtp_host, row.imap_host


def unequal() -> CopyReport:
    box = EQUAL.mailboxes[0]
    return CopyReport(1, (replace(box, target={"INBOX": replace(INBOX, messages=2)}),))
