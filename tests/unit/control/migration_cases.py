"""`apply_event`: guards, state, hosts, log and messages in one commit; once a key, whoever calls at once."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from mailtenant.control import audit, customers, migrations, outbox
from mailtenant.control.errors import Conflict, NotFound
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Contact, Message, MigrationEvent
from mailtenant.migration import Refused, Side, State, Window, events
from mailtenant.migration.evidence import ITEMS, Item
from tests.unit.control.planes import (
    ACTOR,
    HOST,
    SHARED,
    add_customer,
    advance,
    announce,
    clock_of,
    hosts,
    ready_customer,
    unequal,
)
from tests.unit.migration.examples import EQUAL

WITH_TENANT = (State.CUT_OVER, State.VERIFYING, State.HOLDING, State.COMPLETED)


def _count(plane: ControlPlane, what: type) -> int:
    with plane.database.read() as session:
        return session.scalar(select(func.count()).select_from(what)) or 0


def _state(plane: ControlPlane, label: str) -> State:
    with plane.database.read() as session:
        return migrations.load(session, customers.find(session, label))[1].state


def _kinds(plane: ControlPlane) -> Sequence[str]:
    with plane.database.read() as session:
        return session.scalars(select(Message.kind).order_by(Message.id)).all()


class MigrationCases:
    @pytest.mark.parametrize(
        "state", [s for s in State if s in (*WITH_TENANT, State.SCHEDULED, State.COPYING, State.FROZEN)]
    )
    def test_the_hosts_follow_the_state(self, plane: ControlPlane, state: State) -> None:
        label = ready_customer(plane)
        advance(plane, label, state)
        wanted = HOST if state in WITH_TENANT else SHARED
        assert hosts(plane, label) == (wanted, wanted)

    def test_the_value_survives_the_database(self, plane: ControlPlane) -> None:
        """What is loaded is what the machine made: no field is lost on the way."""
        label = ready_customer(plane)
        made = advance(plane, label, State.COMPLETED)
        with plane.database.read() as session:
            _, loaded = migrations.load(session, customers.find(session, label))
        assert loaded.notified is not None
        assert loaded == made

    def test_a_whole_move_tells_the_customer_each_thing_once(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.COMPLETED)
        assert _kinds(plane) == ["scheduled", "started", "connection_details", "completed"]

    def test_webhooks_and_ids_stay_through_a_whole_move(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        with plane.database.write() as session:
            tenant = customers.find(session, label)
            customers.set_webhook(plane, session, tenant, "https://acme.test/hook", "whsec_c2VjcmV0", actor=ACTOR)

        def seen() -> tuple[object, ...]:
            with plane.database.read() as session:
                tenant = customers.find(session, label)
                ids = [(row.id, row.name) for row in customers.domains(session, tenant.id)]
                return tenant.id, tenant.webhook_url, plane.vault.open(tenant.webhook_secret or ""), ids

        before = seen()
        advance(plane, label, State.COMPLETED)
        assert seen() == before
        with plane.database.read() as session:
            hooks = session.scalars(select(Message).where(Message.channel == outbox.WEBHOOK)).all()
        assert [one.kind for one in hooks] == ["scheduled", "started", "connection_details", "completed"]
        assert {one.recipient for one in hooks} == {"https://acme.test/hook"}
        assert len({frozenset(one.facts) for one in hooks}) == 1  # one shape

    def test_rolled_back_clients_are_sent_to_the_shared_host_again(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.HOLDING)
        migrations.apply_event(plane, label, events.RollBack("wanted"), actor=ACTOR)
        assert hosts(plane, label) == (HOST, HOST)  # until everything is copied back
        with pytest.raises(Refused, match="differ"):
            migrations.apply_event(plane, label, events.FlipBack(unequal()), actor="workflow")
        assert hosts(plane, label) == (HOST, HOST)
        migrations.apply_event(plane, label, events.FlipBack(EQUAL), actor="workflow")
        assert hosts(plane, label) == (SHARED, SHARED)
        done = migrations.apply_event(plane, label, events.RolledBack(), actor="workflow")
        assert (done.state, done.serving) == (State.ROLLED_BACK, Side.SHARED)
        assert _kinds(plane)[-1] == "rolled_back"

    def test_the_same_key_counts_once(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.FROZEN)
        before = _count(plane, MigrationEvent)
        answers = [
            migrations.apply_event(plane, label, events.CutOver(EQUAL), actor="workflow", key="acme-1/cut-over")
            for _ in range(3)
        ]
        assert [one.state for one in answers] == [State.CUT_OVER] * 3
        assert _count(plane, MigrationEvent) == before + 1
        assert _kinds(plane).count("connection_details") == 1

    def test_a_repeated_key_gives_the_present_state_not_the_old_one(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.COPYING)
        migrations.apply_event(plane, label, events.Fail("disk full", "make room"), actor="workflow", key="k")
        migrations.apply_event(plane, label, events.Retry(), actor=ACTOR)
        again = migrations.apply_event(plane, label, events.Fail("disk full", "make room"), actor="workflow", key="k")
        assert again.state is State.COPYING

    def test_a_key_of_another_event_or_customer_is_refused(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        other = ready_customer(plane, "Globex")
        advance(plane, label, State.COPYING)
        migrations.apply_event(plane, label, events.Fail("x", "y"), actor="workflow", key="k")
        with pytest.raises(Conflict, match="key of its own"):
            migrations.apply_event(plane, label, events.Retry(), actor="workflow", key="k")
        with pytest.raises(Conflict, match="key of its own"):
            migrations.apply_event(plane, other, events.Fail("x", "y"), actor="workflow", key="k")

    def test_a_refused_event_changes_nothing(self, plane: ControlPlane) -> None:
        label = add_customer(plane)
        audited = _count(plane, audit.AuditEntry)
        window = Window(plane.now() + timedelta(days=1), 60, 15)
        with pytest.raises(Refused) as refused:
            migrations.apply_event(plane, label, events.Schedule(window), actor=ACTOR, key="k")
        assert len(refused.value.reasons) == 3  # label, DNS, notice period: all at once
        assert _state(plane, label) is State.REQUESTED
        assert (_count(plane, MigrationEvent), _count(plane, Message)) == (0, 0)
        assert _count(plane, audit.AuditEntry) == audited

    def test_without_a_contact_nothing_is_announced_and_nothing_happens(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        with plane.database.write() as session:
            for contact in session.scalars(select(Contact)):
                session.delete(contact)
        window = Window(plane.now() + timedelta(days=10), 60, 15)
        with pytest.raises(Conflict, match="no contact"):
            migrations.apply_event(plane, label, events.Schedule(window), actor=ACTOR)
        assert _state(plane, label) is State.REQUESTED

    def test_many_writers_at_once_apply_one_event(self, plane: ControlPlane) -> None:
        """Without keys: the first takes the state on, for the others the event is not possible any more."""
        label = ready_customer(plane)
        advance(plane, label, State.FROZEN)
        start = threading.Barrier(8)

        def cut_over(_: int) -> bool:
            start.wait()
            try:
                migrations.apply_event(plane, label, events.CutOver(EQUAL), actor="workflow")
            except Refused:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(cut_over, range(8))) == 1
        assert _kinds(plane).count("connection_details") == 1

    def test_many_writers_at_once_with_one_key_all_succeed_once(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.FROZEN)
        start = threading.Barrier(8)

        def cut_over(_: int) -> State:
            start.wait()
            return migrations.apply_event(plane, label, events.CutOver(EQUAL), actor="workflow", key="one").state

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(cut_over, range(8))) == {State.CUT_OVER}
        with plane.database.read() as session:
            versions = [event.version for event in migrations.history(session, customers.find(session, label).id)]
        assert versions == list(range(1, len(versions) + 1))

    def test_a_reader_never_sees_one_host_of_each_side(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.FROZEN)
        stop, seen = threading.Event(), set[tuple[str, str]]()

        def look() -> None:
            while not stop.is_set():
                seen.add(hosts(plane, label))

        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(look) for _ in range(4)]
            try:
                for _ in range(6):
                    migrations.apply_event(plane, label, events.CutOver(EQUAL), actor="workflow")
                    migrations.apply_event(plane, label, events.RollBack("again"), actor=ACTOR)
                    migrations.apply_event(plane, label, events.FlipBack(EQUAL), actor="workflow")
                    migrations.apply_event(plane, label, events.RolledBack(), actor="workflow")
                    migrations.apply_event(plane, label, events.Request(), actor=ACTOR)
                    announce(plane)
                    advance(plane, label, State.FROZEN)
            finally:
                stop.set()
            for reader in readers:
                reader.result()
        assert seen == {(SHARED, SHARED), (HOST, HOST)}

    def test_history_says_who_when_from_where_to_where(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.PREPARING)
        with plane.database.read() as session:
            found = migrations.history(session, customers.find(session, label).id)
        assert [(e.version, e.event, e.source, e.target, e.actor) for e in found] == [
            (1, "schedule", "requested", "scheduled", "workflow"),
            (2, "prepare", "scheduled", "preparing", "workflow"),
        ]
        assert found[0].detail["interruption"] == 15

    def test_an_announcement_counts_from_when_it_was_sent(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        window = Window(plane.now() + timedelta(days=10), 60, 15)
        assert migrations.apply_event(plane, label, events.Schedule(window), actor=ACTOR).notified is None
        clock_of(plane).turn(hours=2)
        announce(plane)
        with plane.database.read() as session:
            assert migrations.load(session, customers.find(session, label))[1].notified == plane.now()
        # Another date makes the old announcement worth nothing.
        later = Window(plane.now() + timedelta(days=12), 60, 15)
        assert migrations.apply_event(plane, label, events.Reschedule(later), actor=ACTOR).notified is None

    def test_the_checklist_says_who_when_on_what_grounds(self, plane: ControlPlane) -> None:
        label = add_customer(plane)
        with plane.database.write() as session:
            tenant = customers.find(session, label)
            migrations.check_item(plane, session, tenant, Item.TEAM, green=True, by="Jo", note="told on Monday")
            migrations.check_item(plane, session, tenant, Item.TEAM, green=True, by="Ann", note="and on Tuesday")
            migrations.check_item(plane, session, tenant, Item.DNS, green=True, by=ACTOR)
            migrations.check_item(plane, session, tenant, Item.DNS, green=False, by=ACTOR)
        with plane.database.read() as session:
            green = migrations.checklist(session, customers.find(session, label).id)
        assert {item: (row.by, row.note) for item, row in green.items()} == {Item.TEAM: ("Ann", "and on Tuesday")}
        assert set(ITEMS) == set(Item)

    def test_the_clock_asks_for_reminders_and_ended_deferrals(self, plane: ControlPlane) -> None:
        dated, deferred = ready_customer(plane), ready_customer(plane, "Globex")
        advance(plane, dated, State.SCHEDULED)
        until = plane.now() + timedelta(days=9, hours=12)
        migrations.apply_event(plane, deferred, events.Defer(until, "busy"), actor=ACTOR)
        assert migrations.due_by_the_clock(plane) == []
        clock_of(plane).turn(days=9, hours=13)
        due = migrations.due_by_the_clock(plane)
        assert {(label, event.name) for label, event in due} == {("acme", "remind"), ("globex", "expire")}
        for label, event in due:
            migrations.apply_event(plane, label, event, actor="workflow")
        assert migrations.due_by_the_clock(plane) == []

    def test_progress_is_kept_beside_the_state(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        migrations.report_progress(plane, label, migrations.Progress("copy", 1, 2, 30, 60, 900, 1800, 12.5))
        with plane.database.read() as session:
            row, _ = migrations.load(session, customers.find(session, label))
        assert (row.progress["step"], row.progress["messages_total"], row.version) == ("copy", 60, 0)

    def test_an_unknown_customer_is_not_found(self, plane: ControlPlane) -> None:
        with pytest.raises(NotFound):
            migrations.apply_event(plane, "nobody", events.Prepare(), actor=ACTOR)

    def test_messages_and_event_are_one_commit(self, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
        label = ready_customer(plane)
        monkeypatch.setattr(outbox, "write", lambda *_, **__: (_ for _ in ()).throw(OSError("disk")))
        window = Window(plane.now() + timedelta(days=10), 60, 15)
        with pytest.raises(OSError, match="disk"):
            migrations.apply_event(plane, label, events.Schedule(window), actor=ACTOR)
        assert (_state(plane, label), _count(plane, MigrationEvent)) == (State.REQUESTED, 0)
