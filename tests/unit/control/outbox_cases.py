"""The outbox: one row an event and channel, sent in order, by whichever sender lives; recognisable when sent again."""

import base64
import email
import hashlib
import hmac
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from mailtenant.control import customers, migrations, outbox
from mailtenant.control.channels import MailChannel, channels, signature
from mailtenant.control.errors import NotFound
from mailtenant.control.outbox import DEAD, MAIL, SENT, WAITING, WEBHOOK
from mailtenant.control.plane import ControlPlane
from mailtenant.control.sender import GIVE_UP_AFTER, LEASE, Letter, Sender, TryAgain, Undeliverable
from mailtenant.control.tables import Message
from mailtenant.migration import State, Window, events
from tests.unit.control import smtp
from tests.unit.control.planes import ACTOR, advance, clock_of, ready_customer

TREE = Path(__file__).resolve().parents[3]
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a webhook secret of the tests").decode()


def _through(plane: ControlPlane, relay: smtp.Relay) -> ControlPlane:
    return replace(plane, settings=plane.settings.model_copy(update={"relay_url": SecretStr(relay.url)}))


def _schedule(plane: ControlPlane, label: str) -> None:
    window = Window(plane.now() + timedelta(days=10), 60, 15)
    migrations.apply_event(plane, label, events.Schedule(window), actor=ACTOR)


def _reschedule(plane: ControlPlane, label: str) -> None:
    window = Window(plane.now() + timedelta(days=12), 60, 15)
    migrations.apply_event(plane, label, events.Reschedule(window), actor=ACTOR)


def _rows(plane: ControlPlane) -> list[Message]:
    with plane.database.read() as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def _refuses(kind: type[Exception], counted: list[Letter] | None = None) -> Mapping[str, Any]:
    def deliver(letter: Letter) -> None:
        if counted is not None:
            counted.append(letter)
        raise kind("the relay answered 451")

    return {MAIL: deliver, WEBHOOK: deliver}


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class OutboxCases:
    @pytest.fixture
    def relay(self) -> Iterator[smtp.Relay]:
        with smtp.relay() as made:
            yield made

    @pytest.fixture
    def hook(self) -> Iterator[ThreadingHTTPServer]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        server.got, server.status = [], 200  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        server.server_close()

    def test_mail_goes_out_with_support_and_without_a_secret(self, plane: ControlPlane, relay: smtp.Relay) -> None:
        plane = _through(plane, relay)
        _schedule(plane, ready_customer(plane))
        assert Sender(plane, channels(plane), "one").round() == 1
        (recipient, octets), *others = relay.taken
        assert (recipient, others) == ("jo@example.com", [])
        message = email.message_from_bytes(octets)
        assert message["Reply-To"] == plane.settings.support_email
        assert plane.settings.support_email in message.get_payload()
        assert message["Auto-Submitted"] == "auto-generated"
        text = " ".join(message.get_payload(decode=True).decode().split())
        assert "password" not in text.replace("user names and passwords", "")
        row = _rows(plane)[0]
        assert (row.state, row.sent_at, row.attempts) == (SENT, plane.now(), 1)
        assert Sender(plane, channels(plane), "one").round() == 0

    @pytest.mark.parametrize(("when", "copies"), [("before", 1), ("after", 2)])
    def test_a_killed_sender_loses_nothing_and_a_repeated_mail_is_recognisable(
        self, plane: ControlPlane, relay: smtp.Relay, url: str, tmp_path: Path, when: str, copies: int
    ) -> None:
        """SMTP has no way to take back a 250: killed after it, the mail is sent again, octet for octet the same."""
        label = ready_customer(plane)
        _schedule(plane, label)
        program = [sys.executable, "-m", "tests.unit.control.killed_sender", url, str(tmp_path), relay.url, when]
        done = subprocess.run(program, cwd=TREE, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == -9, done.stderr
        assert _rows(plane)[0].state == WAITING
        plane = _through(plane, relay)
        # The dead sender's lease still holds: nobody else sends meanwhile.
        assert Sender(plane, channels(plane), "two").round() == 0
        clock_of(plane).turn(seconds=LEASE.total_seconds() + 1)
        assert Sender(plane, channels(plane), "two").round() == 1
        assert len(relay.taken) == copies
        assert len({octets for _, octets in relay.taken}) == 1
        assert email.message_from_bytes(relay.taken[0][1])["Message-ID"]
        assert _rows(plane)[0].state == SENT

    def test_an_event_that_is_applied_again_writes_no_second_message(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        window = Window(plane.now() + timedelta(days=10), 60, 15)
        for _ in range(3):
            migrations.apply_event(plane, label, events.Schedule(window), actor=ACTOR, key="run-1/schedule")
        assert [row.kind for row in _rows(plane)] == ["scheduled"]

    def test_senders_at_once_send_each_message_once(self, plane: ControlPlane) -> None:
        for number in range(12):
            _schedule(plane, ready_customer(plane, f"Customer{number}", f"c{number}.test"))
        with plane.database.write() as session:
            for number, row in enumerate(session.scalars(select(Message))):
                row.recipient = f"jo{number}@example.com"
        sent: list[str] = []
        deliver = {MAIL: lambda letter: sent.append(letter.recipient)}
        start = threading.Barrier(4)

        def work(name: int) -> None:
            start.wait()
            sender = Sender(plane, deliver, f"sender-{name}")
            while sender.round(limit=2):
                pass

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert sorted(sent) == sorted(f"jo{number}@example.com" for number in range(12))

    def test_a_recipient_gets_messages_in_their_order(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        _schedule(plane, label)
        _reschedule(plane, label)
        tried: list[Letter] = []
        assert Sender(plane, _refuses(TryAgain, tried), "one").round() == 1
        assert [letter.kind for letter in tried] == ["scheduled"]
        clock_of(plane).turn(minutes=1)
        seen: list[str] = []
        sender = Sender(plane, {MAIL: lambda letter: seen.append(letter.kind)}, "one")
        while sender.round():
            pass
        assert seen == ["scheduled", "rescheduled"]

    def test_attempts_grow_apart_and_end(self, plane: ControlPlane) -> None:
        _schedule(plane, ready_customer(plane))
        sender, pauses = Sender(plane, _refuses(TryAgain), "one"), []
        while (row := _rows(plane)[0]).state == WAITING:
            clock_of(plane).at = max(plane.now(), row.due_at)
            assert sender.round() == 1
            pauses.append(_rows(plane)[0].due_at - plane.now())
        assert len(pauses) == GIVE_UP_AFTER
        assert pauses[:3] == [timedelta(seconds=15), timedelta(seconds=30), timedelta(minutes=1)]
        assert max(pauses) == timedelta(hours=3)
        assert timedelta(days=1) < sum(pauses, timedelta()) < timedelta(days=3)
        with plane.database.write() as session:
            outbox.revive(plane, session, _rows(plane)[0].id)
        assert Sender(plane, {MAIL: lambda _: None}, "two").round() == 1
        assert _rows(plane)[0].state == SENT
        with plane.database.write() as session, pytest.raises(NotFound):
            outbox.revive(plane, session, _rows(plane)[0].id)

    def test_a_refusal_for_good_is_not_tried_again(self, plane: ControlPlane) -> None:
        _schedule(plane, ready_customer(plane))
        Sender(plane, _refuses(Undeliverable), "one").round()
        row = _rows(plane)[0]
        assert (row.state, row.error) == (DEAD, "the relay answered 451")

    def test_a_sender_that_outlived_its_lease_changes_nothing(self, plane: ControlPlane) -> None:
        _schedule(plane, ready_customer(plane))

        def slow(_: Letter) -> None:
            clock_of(plane).turn(seconds=LEASE.total_seconds() + 1)
            Sender(plane, {MAIL: lambda _: None}, "two").round()  # another takes over and succeeds
            raise TryAgain("the connection broke")

        Sender(plane, {MAIL: slow}, "one").round()
        row = _rows(plane)[0]
        assert (row.state, row.attempts, row.error) == (SENT, 2, None)

    @pytest.mark.parametrize(
        ("answer", "data", "state"),
        [("550 5.1.1 no such user", None, DEAD), ("451 4.7.1 later", None, WAITING), (None, "554 5.7.1 no", DEAD)],
    )
    def test_the_relays_answer_decides(
        self, plane: ControlPlane, relay: smtp.Relay, answer: str | None, data: str | None, state: str
    ) -> None:
        plane = _through(plane, relay)
        _schedule(plane, ready_customer(plane))
        relay.answer, relay.data_answer = answer, data
        Sender(plane, channels(plane), "one").round()
        row = _rows(plane)[0]
        assert row.state == state
        assert row.error is not None
        assert (answer or data or "")[:3] in row.error
        assert "jo@example.com" not in row.error

    def test_without_a_relay_the_message_waits(self, plane: ControlPlane) -> None:
        _schedule(plane, ready_customer(plane))
        for _ in range(GIVE_UP_AFTER + 1):
            clock_of(plane).at = max(plane.now(), _rows(plane)[0].due_at)
            assert Sender(plane, channels(plane), "one").round() == 1
        row = _rows(plane)[0]
        assert row.state == WAITING
        assert "MAILTENANT_RELAY_URL is not set" in str(row.error)

    def test_a_defect_of_ours_keeps_the_message(self, plane: ControlPlane, caplog: pytest.LogCaptureFixture) -> None:
        _schedule(plane, ready_customer(plane))

        def broken(_: Letter) -> None:
            raise KeyError("template")

        Sender(plane, {MAIL: broken}, "one").round()
        assert _rows(plane)[0].state == WAITING
        assert "could not be made" in caplog.text

    def test_a_contact_cannot_add_a_header(self, plane: ControlPlane) -> None:
        """Even if bad text got past the checks at the door: the message is not made."""
        letter = Letter("x", "completed", "jo@example.com", {"contact": "Jo\r\nBcc: all@example.com"}, "", 1)
        with pytest.raises(Exception):  # noqa: B017 - whichever layer refuses first
            MailChannel(plane).message(letter)

    def test_a_webhook_is_signed_and_its_id_stays(self, plane: ControlPlane, hook: Any) -> None:
        label = ready_customer(plane)
        address = f"http://127.0.0.1:{hook.server_port}/events"
        with plane.database.write() as session:
            tenant = customers.find(session, label)
            customers.set_webhook(plane, session, tenant, address, WEBHOOK_SECRET, actor=ACTOR)
        _schedule(plane, label)
        deliver = {MAIL: lambda _: None, WEBHOOK: channels(plane)[WEBHOOK]}
        hook.status = 503
        Sender(plane, deliver, "one").round()
        clock_of(plane).turn(minutes=1)
        hook.status = 204
        Sender(plane, deliver, "one").round()
        (first, body), (second, again) = hook.got
        assert first["webhook-id"] == second["webhook-id"]
        assert body == again
        event = json.loads(body)
        assert (event["type"], event["data"]["tenant_host"]) == ("migration.scheduled", "acme.outboxment.com")
        # Checked here with the standard's own recipe, not with our function.
        signed = f"{second['webhook-id']}.{second['webhook-timestamp']}.".encode() + again
        key = base64.b64decode(WEBHOOK_SECRET.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert second["webhook-signature"] == f"v1,{expected}"
        assert second["webhook-signature"] != signature("another", second["webhook-id"], "1", again)
        assert {row.state for row in _rows(plane)} == {SENT}

    def test_a_webhook_that_was_changed_gets_nothing_old(self, plane: ControlPlane, hook: Any) -> None:
        label = ready_customer(plane)
        with plane.database.write() as session:
            tenant = customers.find(session, label)
            address = f"http://127.0.0.1:{hook.server_port}/events"
            customers.set_webhook(plane, session, tenant, address, WEBHOOK_SECRET, actor=ACTOR)
        _schedule(plane, label)
        with plane.database.write() as session:
            customers.set_webhook(plane, session, customers.find(session, label), None, None, actor=ACTOR)
        Sender(plane, {MAIL: lambda _: None, WEBHOOK: channels(plane)[WEBHOOK]}, "one").round()
        assert hook.got == []
        assert {row.channel: row.state for row in _rows(plane)} == {MAIL: SENT, WEBHOOK: DEAD}

    def test_every_contact_gets_one(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        with plane.database.write() as session:
            tenant = customers.find(session, label)
            customers.add_contact(plane, session, tenant, "Ann Roe", "ann@example.com", actor=ACTOR)
        advance(plane, label, State.SCHEDULED)
        assert [row.recipient for row in _rows(plane)] == ["jo@example.com", "ann@example.com"]
