"""Alerts: once an event, in its transaction, to whoever is configured, and never about themselves."""

import email
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from mailtenant.control import alerts, customers, migrations, outbox
from mailtenant.control.alerts import Kind, Problem
from mailtenant.control.channels import MailChannel, channels, signature
from mailtenant.control.plane import ControlPlane
from mailtenant.control.sender import Letter, Sender, Undeliverable
from mailtenant.control.tables import Alert, Message
from mailtenant.migration import State, Window, events
from mailtenant.watch.asking import Questions
from mailtenant.watch.rounds import Watch
from mailtenant.watch.settings import WatchSettings
from mailtenant.workflow import alarms
from tests.unit.control.outbox_cases import WEBHOOK_SECRET, Hook
from tests.unit.control.planes import ACTOR, advance, clock_of, ready_customer

WHERE = {"alert_email": "ops@example.com", "alert_webhook": SecretStr("https://ops.example.com/hook?token=abc")}


def told(plane: ControlPlane) -> list[Alert]:
    with plane.database.read() as session:
        return list(session.scalars(select(Alert).order_by(Alert.id)))


def to_operators(plane: ControlPlane) -> list[Message]:
    with plane.database.read() as session:
        return list(session.scalars(select(Message).where(Message.tenant_id.is_(None)).order_by(Message.id)))


def configured(plane: ControlPlane, **more: Any) -> ControlPlane:
    return replace(plane, settings=plane.settings.model_copy(update=WHERE | more))


def fail(plane: ControlPlane, label: str, key: str | None = None) -> None:
    migrations.apply_event(plane, label, events.Fail("the disk is full", "make room"), actor="workflow", key=key)


def settle(plane: ControlPlane, *found: Problem, answered: tuple[Kind, ...] = alerts.LASTING) -> tuple[int, int]:
    """How many problems of acme are new, and how many over."""
    with plane.database.write() as session:
        new, over = alerts.settle(plane, session, "acme", answered, found)
        return len(new), len(over)


DNS = Problem(Kind.DNS, "acme.test MX: missing", "add it")


class AlertCases:
    @pytest.fixture
    def hook(self) -> Iterator[Any]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        server.got, server.status = [], 200  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
        server.server_close()

    def test_a_failed_move_is_told_once_with_reason_fix_and_page(self, plane: ControlPlane) -> None:
        plane = configured(plane)
        label = ready_customer(plane)
        advance(plane, label, State.PREPARING)
        for _ in range(3):
            fail(plane, label, key="run-1/provision")
        (alert,) = told(plane)
        assert (alert.kind, alert.tenant, alert.lasting) == ("move-failed", "acme", False)
        assert alert.what == "during preparing: the disk is full" and alert.fix.startswith("make room")
        assert [(row.channel, row.recipient) for row in to_operators(plane)] == [
            (outbox.MAIL, "ops@example.com"), (outbox.OPERATORS, alerts.HOOK),
        ]  # fmt: skip
        facts = to_operators(plane)[0].facts
        assert facts["page"] == "docs/alerts.md#move-failed" and "token" not in json.dumps(facts)

    def test_failed_again_is_another_event(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.PREPARING)
        fail(plane, label)
        migrations.apply_event(plane, label, events.Retry(), actor=ACTOR)
        fail(plane, label)
        assert [one.kind for one in told(plane)] == ["move-failed", "move-failed"]

    def test_what_is_not_committed_was_not_told(self, plane: ControlPlane) -> None:
        plane = configured(plane)
        label = ready_customer(plane)
        advance(plane, label, State.PREPARING)

        def killed() -> None:
            with plane.database.write() as session:
                migrations.apply_in(plane, session, label, events.Fail("why", "fix"), actor="workflow")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            killed()
        assert told(plane) == [] and to_operators(plane) == []

    def test_nothing_configured_is_kept_and_shown_and_not_sent(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.PREPARING)
        fail(plane, label)
        assert len(told(plane)) == 1 and to_operators(plane) == []
        with plane.database.read() as session:
            shown = alerts.as_json(alerts.listing(session, label)[0])
        assert shown["kind"] == "move-failed" and shown["ended"] is None

    def test_a_rollback_is_told_when_ordered_and_when_done(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.COPYING)
        for event in (events.RollBack("their scanner"), events.RolledBack()):
            migrations.apply_event(plane, label, event, actor=ACTOR)
        ordered, done = told(plane)
        assert (ordered.kind, done.kind) == ("rollback-ordered", "rollback-done")
        assert ordered.what == f"by {ACTOR}: their scanner"

    def test_a_message_that_is_given_up_is_told_and_one_to_operators_is_not(self, plane: ControlPlane) -> None:
        plane = configured(plane)
        label = ready_customer(plane)
        window = Window(plane.now() + timedelta(days=10), 60, 15)
        migrations.apply_event(plane, label, events.Schedule(window), actor=ACTOR)

        def refused(_: Letter) -> None:
            raise Undeliverable("the relay answered 550")

        sender = Sender(plane, {outbox.MAIL: refused, outbox.OPERATORS: refused}, "one")
        while sender.round():
            pass
        (alert,) = told(plane)
        assert alert.kind == "message-given-up" and "550" in alert.what and "notifications retry" in alert.fix
        with plane.database.write() as session:
            dead = outbox.listing(session, customers.find(session, label).id, unsent=True)
            clock_of(plane).turn(minutes=1)
            outbox.revive(plane, session, dead[0].id)
        while sender.round():
            pass
        # Given up once more: that is another event. The operators' own messages are dead too, and nothing tells of it.
        assert [one.kind for one in told(plane)] == ["message-given-up"] * 2

    def test_no_list_of_a_customers_messages_has_those_to_operators(self, plane: ControlPlane) -> None:
        plane = configured(plane)
        label = ready_customer(plane)
        advance(plane, label, State.PREPARING)
        fail(plane, label)
        with plane.database.read() as session:
            number = customers.find(session, label).id
            assert {row.kind for row in outbox.listing(session, number)} == {"scheduled"}
            assert {row.kind for row in outbox.listing(session)} == {"scheduled", "alert"}

    def test_a_problem_is_told_when_it_begins_and_when_it_is_over_and_anew_when_it_comes_back(
        self, plane: ControlPlane
    ) -> None:
        plane = configured(plane, alert_webhook=SecretStr(""))
        assert [settle(plane, DNS), settle(plane, replace(DNS, what="another record")), settle(plane)] == [
            (1, 0), (0, 0), (0, 1),
        ]  # fmt: skip
        assert settle(plane) == (0, 0)
        assert settle(plane, DNS) == (1, 0)
        first, second = told(plane)
        assert first.what == "another record" and first.ended_at is not None and second.ended_at is None
        assert [row.facts["over"] for row in to_operators(plane)] == [False, True, False]
        with plane.database.read() as session:
            assert [row.id for row in alerts.listing(session, on=True)] == [second.id]

    def test_what_was_not_answered_does_not_end(self, plane: ControlPlane) -> None:
        settle(plane, DNS)
        silent = Problem(Kind.NOT_ASKED, "no answer", "see the resolver", subject="dns")
        assert settle(plane, silent, answered=(Kind.NOT_ASKED, Kind.CHECK)) == (1, 0)
        assert settle(plane) == (0, 2)

    def test_the_clock_tells_once_of_a_long_freeze_and_of_missing_records(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.FROZEN)
        clock_of(plane).turn(minutes=20)
        other = ready_customer(plane, "Globex", provider="manual")
        advance(plane, other, State.PREPARED)
        migrations.apply_event(plane, other, events.SendRecords("globex.test MX"), actor="workflow")
        clock_of(plane).turn(days=3)
        assert [alarms.look(plane), alarms.look(plane)] == [2, 0]
        assert {(one.kind, one.tenant) for one in told(plane)} == {("freeze-long", label), ("records-missing", other)}

    def test_workers_at_once_look_at_a_tenant_once(self, plane: ControlPlane, tmp_path: Path) -> None:
        start = threading.Barrier(4)

        def work(_: int) -> int:
            start.wait()
            watch = Watch(plane, tmp_path, WatchSettings(), lambda: ("acme",), lambda turn: Questions({}))
            return len(watch.round(watch.turns(), due=True))

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(work, range(4))) == 1

    def test_workers_at_once_tell_a_problem_once(self, plane: ControlPlane) -> None:
        start = threading.Barrier(4)

        def work(_: int) -> int:
            start.wait()
            return settle(plane, DNS)[0]

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(work, range(4))) == 1
        assert len(told(plane)) == 1

    @pytest.mark.parametrize("over", [False, True])
    @pytest.mark.parametrize("kind", list(Kind))
    def test_each_mail_names_tenant_reason_and_page(self, plane: ControlPlane, kind: Kind, over: bool) -> None:
        plane = configured(plane)
        bad = "refused\r\nBcc: all@example.com"
        with plane.database.write() as session:
            alerts.tell(plane, session, kind, "acme", "1", bad, "the fix", subject="web")
        facts = to_operators(plane)[0].facts | {"over": over}
        message = MailChannel(plane).message(
            Letter("x", "alert", "ops@example.com", facts, plane.now().isoformat(), None)
        )
        body = message.get_content()
        assert alerts.TITLES[kind] in str(message["Subject"]) and "acme" in str(message["Subject"])
        assert len(str(message["Subject"])) <= 78 and message["Bcc"] is None
        assert f"docs/alerts.md#{kind.value}" in body and "refused" in body
        assert ("the fix" in body) is not over

    def test_the_operators_webhook_is_posted_and_signed_with_its_secret(self, plane: ControlPlane, hook: Any) -> None:
        address = SecretStr(f"http://127.0.0.1:{hook.server_port}/alerts?token=abc")
        plane = configured(
            plane, alert_email=None, alert_webhook=address, alert_webhook_secret=SecretStr(WEBHOOK_SECRET)
        )
        settle(plane, DNS)
        assert Sender(plane, channels(plane), "one").round() == 1
        ((head, body),) = hook.got
        posted = json.loads(body)
        assert (posted["type"], posted["data"]["tenant"], posted["data"]["over"]) == ("alert.dns", "acme", False)
        given = signature(WEBHOOK_SECRET, head["webhook-id"], head["webhook-timestamp"], body)
        assert head["webhook-signature"] == given
        (row,) = to_operators(plane)
        assert row.state == outbox.SENT and "token" not in row.recipient
        off = replace(plane, settings=plane.settings.model_copy(update={"alert_webhook": SecretStr("")}))
        settle(plane)
        Sender(off, channels(off), "two").round()
        assert to_operators(plane)[-1].state == outbox.DEAD

    def test_mail_to_operators_goes_out(self, plane: ControlPlane) -> None:
        plane = configured(plane, alert_webhook=SecretStr(""))
        settle(plane, DNS)
        taken: list[bytes] = []

        def deliver(letter: Letter) -> None:
            taken.append(MailChannel(plane).message(letter).as_bytes())

        Sender(plane, {outbox.MAIL: deliver}, "one").round()
        (octets,) = taken
        assert email.message_from_bytes(octets)["To"] == "Operators <ops@example.com>"
