"""What turns the checklist green by proof, and what reports on a customer show."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from mailtenant.control import audit, customers, migrations, proofs, reports
from mailtenant.control.errors import Conflict, ControlError, NotFound
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Message, Report
from mailtenant.migration import Refused, State, Window, events, usage
from mailtenant.migration.evidence import Item
from mailtenant.migration.logins import Login
from tests.unit.control.planes import ACTOR, add_customer, advance, clock_of, ready_customer
from tests.unit.migration.examples import EQUAL

JO = "jo@example.com"
READ = {"zone": "acme.test", "question": "reads the zone", "ok": True, "said": "yes"}
REFUSED = {**READ, "ok": False, "said": "Cloudflare does not know the API token"}


def items(plane: ControlPlane, label: str = "acme") -> dict[Item, tuple[str, str]]:
    with plane.database.read() as session:
        found = migrations.checklist(session, customers.find(session, label).id)
        return {item: (row.by, row.note) for item, row in found.items()}


def code(plane: ControlPlane) -> str:
    with plane.database.read() as session:
        newest = session.scalars(select(Message).order_by(Message.id.desc())).first()
        assert newest is not None and newest.kind == "contact_check" and newest.recipient == JO
        return str(newest.facts["code"])


class ProofCases:
    def test_a_contact_is_proven_by_the_code_of_the_newest_mail(self, plane: ControlPlane) -> None:
        add_customer(plane)
        codes = []
        for _ in range(2):
            with plane.database.write() as session:
                proofs.ask_contact(plane, session, customers.find(session, "acme"), JO.upper(), actor=ACTOR)
            codes.append(code(plane))
        old, fresh = codes
        for wrong in ("", "AAAAAAAAAA", "ümlaut", old):
            with pytest.raises(NotFound, match="not the code"), plane.database.write() as session:
                proofs.answered(plane, session, customers.find(session, "acme"), wrong, by="x", actor=ACTOR)
        assert Item.CONTACT not in items(plane)
        with plane.database.write() as session:
            tenant = customers.find(session, "acme")
            proofs.answered(plane, session, tenant, f" {fresh.lower()} ", by="Jo Doe", actor="key:1")
        by, note = items(plane)[Item.CONTACT]
        assert by == "Jo Doe" and JO in note and "code" in note
        with plane.database.read() as session:
            assert [one.action for one in audit.entries(session)[:2]] == ["checklist.green", "contact.proven"]
        with pytest.raises(NotFound), plane.database.write() as session:
            proofs.answered(plane, session, customers.find(session, "acme"), fresh, by="again", actor=ACTOR)

    def test_a_receipt_needs_words_and_a_contact_that_is_there(self, plane: ControlPlane) -> None:
        add_customer(plane)
        for email, how, error in ((JO, " ", ControlError), ("no@example.com", "call", NotFound)):
            with pytest.raises(error), plane.database.write() as session:
                proofs.receipt(plane, session, customers.find(session, "acme"), email, how, actor=ACTOR)
        with plane.database.write() as session:
            proofs.receipt(plane, session, customers.find(session, "acme"), JO, "ticket 17", actor=ACTOR)
        assert items(plane)[Item.CONTACT] == (ACTOR, f"Jo Doe <{JO}>: ticket 17")

    def test_nobody_says_that_a_contact_answered_who_did_not(self, plane: ControlPlane) -> None:
        add_customer(plane)
        with pytest.raises(Conflict, match="ask-contact acme"), plane.database.write() as session:
            tenant = customers.find(session, "acme")
            proofs.by_hand(plane, session, tenant, Item.CONTACT, green=True, by="x", note="", actor=ACTOR)
        assert items(plane) == {}

    def test_the_item_turns_red_when_the_only_proven_contact_goes(self, plane: ControlPlane) -> None:
        add_customer(plane)
        with plane.database.write() as session:
            tenant = customers.find(session, "acme")
            customers.add_contact(plane, session, tenant, "Ann", "ann@example.com", actor=ACTOR)
            proofs.receipt(plane, session, tenant, JO, "call", actor=ACTOR)
        with plane.database.write() as session:
            customers.remove_contact(plane, session, customers.find(session, "acme"), JO, actor=ACTOR)
        assert Item.CONTACT not in items(plane)

    def test_keys_turn_the_item_green_and_red_and_red_blocks_scheduling(self, plane: ControlPlane) -> None:
        add_customer(plane, provider="cloudflare")
        window = Window(plane.now() + timedelta(days=10), 60, 10)
        with plane.database.write() as session:
            tenant = customers.confirm(plane, session, "acme", actor=ACTOR)
            with pytest.raises(Conflict, match="migrate preflight acme"):
                proofs.by_hand(plane, session, tenant, Item.DNS, green=True, by="x", note="", actor=ACTOR)
        for found, wanted in (([READ], True), ([], False), ([READ], True), ([READ, REFUSED], False)):
            with plane.database.write() as session:
                tenant = customers.find(session, "acme")
                assert proofs.note_keys(plane, session, tenant, found, actor=ACTOR) is wanted
            assert (Item.DNS in items(plane)) is wanted
        with pytest.raises(Refused, match="item `dns` is red"):
            migrations.apply_event(plane, "acme", events.Schedule(window), actor=ACTOR)
        with plane.database.write() as session:
            proofs.note_keys(plane, session, customers.find(session, "acme"), [READ], actor=ACTOR)
        assert items(plane)[Item.DNS] == ("preflight", "read with the stored keys: acme.test")
        assert migrations.apply_event(plane, "acme", events.Schedule(window), actor=ACTOR).state is State.SCHEDULED

    def test_records_by_hand_are_agreed_by_people_and_left_alone_by_the_preflight(self, plane: ControlPlane) -> None:
        add_customer(plane)
        for wanted in (None, True):
            with plane.database.write() as session:
                assert proofs.note_keys(plane, session, customers.find(session, "acme"), [], actor=ACTOR) is wanted
                tenant = customers.find(session, "acme")
                proofs.by_hand(plane, session, tenant, Item.DNS, green=True, by="Jo", note="by hand", actor=ACTOR)
        assert items(plane)[Item.DNS] == ("Jo", "by hand")

    def test_a_size_is_acknowledged_or_changed_and_taken_back(self, plane: ControlPlane) -> None:
        add_customer(plane)
        with plane.database.write() as session:
            tenant = customers.find(session, "acme")
            proofs.agree_size(plane, session, tenant, by="Jo", actor=ACTOR)
            assert reports.agreed(session, tenant.id) is None  # reviewed; nothing was proposed
            with pytest.raises(Conflict, match="no usage report"):
                proofs.agree_size(plane, session, tenant, by="Jo", actor=ACTOR, size="large")
            content = usage.report(usage.Usage(3, 1, 0, (usage.Day("2026-11-01", 1, 2),)))
            reports.put(plane, session, tenant.id, reports.Kind.USAGE, content)
            proofs.agree_size(plane, session, tenant, by="Jo", actor=ACTOR)
            assert reports.agreed(session, tenant.id) == usage.Plan("small", 8, 3, 1)
            with pytest.raises(ControlError, match="no such size"):
                proofs.agree_size(plane, session, tenant, by="Jo", actor=ACTOR, size="huge")
            proofs.agree_size(plane, session, tenant, by="Jo", actor=ACTOR, size="medium", storage_gib=9)
            session.flush()
            shown = reports.shown_usage(session, tenant.id)
            assert shown is not None and shown["agreed"]["how"] == "changed"
            assert reports.agreed(session, tenant.id) == usage.Plan("medium", 8, 3, 9)
            assert audit.entries(session)[1].action == "usage.changed"
            migrations.check_item(plane, session, tenant, Item.USAGE, green=False, by="Jo")
            session.flush()
            assert reports.agreed(session, tenant.id) is None

    def test_logins_are_gathered_over_several_looks_and_shown(self, plane: ControlPlane) -> None:
        add_customer(plane)
        now = plane.now()
        first = Login("jo@acme.test", "192.0.2.7", "imap", True, now - timedelta(days=2))
        late = Login("jo@acme.test", "192.0.2.7", "imap", False, now - timedelta(hours=1))
        for seen in ([first], [late], []):
            with plane.database.write() as session:
                reports.note_logins(plane, session, customers.find(session, "acme").id, seen)
        with plane.database.read() as session:
            number = customers.find(session, "acme").id
            before = reports.shown_logins(session, number, None, now)
            after = reports.shown_logins(session, number, now - timedelta(days=1), now)
        assert [one["client"] for one in before["recent_logins"]] == ["192.0.2.7"]
        assert before["old_host_logins"] is None
        assert (after["old_host_logins"]["still"], after["old_host_logins"]["mailboxes"][0]["known"]) == (1, True)

    def test_the_verification_is_kept_and_the_sign_off_names_it(self, plane: ControlPlane) -> None:
        ready_customer(plane)
        advance(plane, "acme", State.HOLDING)
        verified = plane.now()
        clock_of(plane).turn(hours=3)
        migrations.apply_event(plane, "acme", events.Agree("Jo Doe"), actor="key:1")
        with plane.database.read() as session:
            tenant = customers.find(session, "acme")
            shown = reports.shown_verification(session, tenant.id, 1)
            signed = migrations.load(session, tenant)[1].sign_off
            entry = audit.entries(session, tenant.id, 1)[0]
        assert shown is not None and shown["at"] == verified.isoformat(timespec="seconds")
        assert all(one["passed"] for one in shown["probes"]) and shown["probes"]
        assert signed is not None and (signed.by, signed.at) == ("Jo Doe", plane.now())
        assert (entry.action, entry.actor) == ("migration.sign_off", "key:1")
        assert (entry.detail["by"], entry.detail["verification"]) == ("Jo Doe", shown["at"])

    def test_a_report_of_an_earlier_attempt_is_not_shown_as_the_present_ones(self, plane: ControlPlane) -> None:
        ready_customer(plane)
        advance(plane, "acme", State.HOLDING)
        for event in (events.RollBack("x"), events.FlipBack(EQUAL), events.RolledBack(), events.Request()):
            migrations.apply_event(plane, "acme", event, actor=ACTOR)
        with plane.database.read() as session:
            tenant = customers.find(session, "acme")
            assert reports.shown_verification(session, tenant.id, migrations.load(session, tenant)[1].attempt) is None

    def test_a_customer_that_goes_leaves_no_report(self, plane: ControlPlane) -> None:
        add_customer(plane)
        with plane.database.write() as session:
            reports.note_logins(plane, session, customers.find(session, "acme").id, [])
        with plane.database.write() as session:
            customers.remove(plane, session, "acme", actor=ACTOR)
            assert session.scalars(select(Report)).all() == []
