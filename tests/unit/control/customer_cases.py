"""Customers, labels, tombstones, contacts, domains, the audit trail: the same on each database."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from mailtenant.control import audit, customers
from mailtenant.control.errors import Conflict, ControlError, NotFound
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Mailbox, Tenant
from mailtenant.migration import State
from tests.unit.control.planes import ACTOR, SHARED, add_customer, advance, hosts, ready_customer


class CustomerCases:
    def test_a_new_customer_is_served_by_the_shared_host(self, plane: ControlPlane) -> None:
        assert add_customer(plane) == "acme"
        assert hosts(plane, "acme") == (SHARED, SHARED)

    @pytest.mark.parametrize(
        ("organisation", "domain", "label"),
        [
            ("Acme GmbH", "acme.test", "acme"),
            ("Globex Ltd", "glx.test", "globex"),
            ("株式会社", "initech.test", "initech"),
        ],
    )
    def test_the_label_is_proposed_from_the_organisation_or_the_domain(
        self, plane: ControlPlane, organisation: str, domain: str, label: str
    ) -> None:
        assert add_customer(plane, organisation, domain) == label

    def test_a_taken_label_gives_the_next_free_one(self, plane: ControlPlane) -> None:
        assert [add_customer(plane, "Acme", f"acme{n}.test") for n in range(3)] == ["acme", "acme-2", "acme-3"]

    @pytest.mark.parametrize("label", ["www", "mail", "Acme", "a.b", "123", "-a", "x" * 64, "a b", "a\nb"])
    def test_a_reserved_or_bad_label_is_refused(self, plane: ControlPlane, label: str) -> None:
        with pytest.raises(ControlError, match="the label"):
            add_customer(plane, "Acme", "acme.test", label=label)

    def test_a_confirmed_label_never_changes(self, plane: ControlPlane) -> None:
        add_customer(plane)
        with plane.database.write() as session:
            tenant = customers.confirm(plane, session, "acme", actor=ACTOR, new_label="acme-mail")
            assert (tenant.label, tenant.label_confirmed_by) == ("acme-mail", ACTOR)
        with plane.database.write() as session, pytest.raises(Conflict, match="confirmed already"):
            customers.confirm(plane, session, "acme-mail", actor=ACTOR, new_label="other")
        with plane.database.write() as session:  # the same once more is no error
            customers.confirm(plane, session, "acme-mail", actor=ACTOR)

    def test_a_label_is_never_used_twice(self, plane: ControlPlane) -> None:
        add_customer(plane)
        with plane.database.write() as session:
            customers.remove(plane, session, "acme", actor=ACTOR)
        with plane.database.read() as session, pytest.raises(NotFound):
            customers.find(session, "acme")
        # The domain is free again, the label is not: neither by proposal nor by wish.
        assert add_customer(plane, "Acme", "acme.test") == "acme-2"
        with pytest.raises(Conflict, match="never given twice"):
            add_customer(plane, "Acme", "acme-three.test", label="acme")

    def test_a_removed_customers_mailbox_addresses_are_free_again(self, plane: ControlPlane) -> None:
        for _ in range(2):
            label = add_customer(plane, "Acme", "acme.test")
            with plane.database.write() as session:
                tenant = customers.find(session, label)
                domain = customers.domains(session, tenant.id)[0]
                session.add(
                    Mailbox(
                        tenant_id=tenant.id, domain_id=domain.id, address="jo@acme.test", name="", password_hash="",
                        state="active", created_at=plane.now(),
                    )
                )  # fmt: skip
            with plane.database.write() as session:
                customers.remove(plane, session, label, actor=ACTOR)

    def test_a_customer_on_the_move_is_not_removed(self, plane: ControlPlane) -> None:
        label = ready_customer(plane)
        advance(plane, label, State.SCHEDULED)
        with plane.database.write() as session, pytest.raises(Conflict, match="is scheduled"):
            customers.remove(plane, session, label, actor=ACTOR)

    def test_customers_added_at_once_get_different_labels(self, plane: ControlPlane) -> None:
        def add(number: int) -> str | None:
            try:
                return add_customer(plane, "Acme", f"acme{number}.test")
            except Conflict:
                return None

        with ThreadPoolExecutor(8) as pool:
            labels = [label for label in pool.map(add, range(16)) if label]
        assert labels
        assert len(set(labels)) == len(labels)

    def test_a_domain_belongs_to_one_customer(self, plane: ControlPlane) -> None:
        add_customer(plane)
        with pytest.raises(Conflict, match="in use already"):
            add_customer(plane, "Globex", "acme.test")

    @pytest.mark.parametrize(
        ("domains", "contact", "said"),
        [
            ([], ("Jo", "jo@example.com"), "at least one domain"),
            (["Acme.test"], ("Jo", "jo@example.com"), "the domain"),
            (["acme.test"], ("Jo\r\nBcc: all@example.com", "jo@example.com"), "contact's name"),
            (["acme.test"], ("Jo", "jo@example.com\nx"), "contact's address"),
        ],
    )
    def test_bad_input_is_refused_and_nothing_stays(
        self, plane: ControlPlane, domains: list[str], contact: tuple[str, str], said: str
    ) -> None:
        with pytest.raises(ControlError, match=said), plane.database.write() as session:
            customers.add(plane, session, organisation="Acme", domains=domains, contact=contact, actor=ACTOR)
        with plane.database.read() as session:
            assert session.scalars(select(Tenant)).all() == []
            assert audit.entries(session) == []

    def test_every_change_is_in_the_audit_trail_with_its_actor(self, plane: ControlPlane) -> None:
        ready_customer(plane)
        with plane.database.read() as session:
            entries = audit.entries(session)
        assert {entry.action for entry in entries} >= {
            "customer.add", "contact.add", "domain.add", "customer.confirm", "checklist.green",
        }  # fmt: skip
        assert {entry.actor for entry in entries} == {ACTOR, "Jo Doe"}
        assert all(entry.at == plane.now() for entry in entries)

    @pytest.mark.parametrize(
        "address",
        [
            "http://example.com/x",
            "http://127.0.0.1.example.com/",
            "ftp://example.com",
            "https://",
            "javascript:1",
            "",
            "https://example.com:99999/",
            "https://exa mple.com/",
            "https://example.com:0/",
            "https://[::1/",
        ],
    )
    def test_a_webhook_is_https_or_on_this_machine(self, plane: ControlPlane, address: str) -> None:
        add_customer(plane)
        with plane.database.write() as session, pytest.raises(ControlError, match="https"):
            customers.set_webhook(plane, session, customers.find(session, "acme"), address, "secret", actor=ACTOR)

    @pytest.mark.parametrize("secret", ["whsec_", "whsec_%%%", "whsec_YWJ"])
    def test_a_secret_that_cannot_sign_is_refused(self, plane: ControlPlane, secret: str) -> None:
        add_customer(plane)
        with plane.database.write() as session, pytest.raises(ControlError, match="base64") as refused:
            tenant = customers.find(session, "acme")
            customers.set_webhook(plane, session, tenant, "https://example.com/hook", secret, actor=ACTOR)
        assert secret not in str(refused.value) or secret == "whsec_"

    def test_a_contact_stands_once_and_can_go_but_not_the_last(self, plane: ControlPlane) -> None:
        add_customer(plane)
        with plane.database.write() as session:
            tenant = customers.find(session, "acme")
            with pytest.raises(Conflict, match="twice"):
                customers.add_contact(plane, session, tenant, "Jo", "JO@example.com", actor=ACTOR)
            with pytest.raises(Conflict, match="only contact"):
                customers.remove_contact(plane, session, tenant, "jo@example.com", actor=ACTOR)
            customers.add_contact(plane, session, tenant, "Ann", "ann@example.com", actor=ACTOR)
            customers.remove_contact(plane, session, tenant, "Jo@example.com", actor=ACTOR)
            with pytest.raises(NotFound):
                customers.remove_contact(plane, session, tenant, "jo@example.com", actor=ACTOR)
            assert [one.email for one in customers.contacts(session, tenant.id)] == ["ann@example.com"]

    def test_a_webhook_secret_is_stored_encrypted(self, plane: ControlPlane) -> None:
        add_customer(plane)
        with plane.database.write() as session:
            tenant = customers.find(session, "acme")
            customers.set_webhook(plane, session, tenant, "https://example.com/hook", "whsec_c2VjcmV0", actor=ACTOR)
        with plane.database.read() as session:
            stored = customers.find(session, "acme").webhook_secret
            assert stored is not None
            assert "whsec" not in stored
            assert plane.vault.open(stored) == "whsec_c2VjcmV0"
            assert "c2VjcmV0" not in str([entry.detail for entry in audit.entries(session)])
