"""API keys and the master key: shown once, stored as a keyed hash, revocable."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import inspect, select, text

from mailtenant.control import api_keys, customers
from mailtenant.control.errors import Conflict, ControlError, Misconfigured, NotFound
from mailtenant.control.keys import Vault
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import ApiKey
from tests.unit.control.planes import ACTOR, add_customer
from tests.unit.migration.examples import NOW

OLD = "an-older-platforms-key-0123456789"


def _create(plane: ControlPlane, label: str = "acme") -> tuple[int, str]:
    with plane.database.write() as session:
        row, key = api_keys.create(plane, session, customers.find(session, label), "build server", actor=ACTOR)
        return row.id, key


class KeyCases:
    def test_a_key_is_nowhere_in_the_database(self, plane: ControlPlane, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        add_customer(plane)
        _, key = _create(plane)
        assert key.startswith("mt_")
        assert len(key) == 46
        with plane.database.read() as session:
            tables = inspect(plane.database.engine).get_table_names()
            rows = [str(session.execute(text(f'SELECT * FROM "{name}"')).all()) for name in tables]
        assert "acme" in "".join(rows)
        assert key not in "".join(rows)
        assert key[9:] not in "".join(rows)
        assert key not in caplog.text

    def test_the_hash_of_a_key_is_the_same_for_ever(self) -> None:
        """It is in every customer's row: any other would lock them all out."""
        known = "8f8bb002f0e3847b796480cc2b0aef03d85ae3ce9bf0a88eca74c77483536c84"
        assert Vault(bytes(32)).digest("mt_x") == known

    def test_two_keys_differ_and_each_is_found_by_its_digest(self, plane: ControlPlane) -> None:
        add_customer(plane)
        made = [_create(plane) for _ in range(5)]
        assert len({key for _, key in made}) == 5
        with plane.database.read() as session:
            for number, key in made:
                found = session.scalars(select(ApiKey.id).where(ApiKey.digest == plane.vault.digest(key))).all()
                assert found == [number]

    def test_a_revoked_key_stays_revoked(self, plane: ControlPlane) -> None:
        add_customer(plane)
        number, _ = _create(plane)
        with plane.database.write() as session:
            row = api_keys.revoke(plane, session, customers.find(session, "acme"), number, actor=ACTOR)
            first = row.revoked_at
        plane.now.turn(days=1)  # type: ignore[attr-defined]
        with plane.database.write() as session:
            again = api_keys.revoke(plane, session, customers.find(session, "acme"), number, actor=ACTOR)
            assert again.revoked_at == first

    def test_nobody_revokes_another_customers_key(self, plane: ControlPlane) -> None:
        add_customer(plane)
        add_customer(plane, "Globex")
        number, _ = _create(plane)
        with plane.database.write() as session, pytest.raises(NotFound):
            api_keys.revoke(plane, session, customers.find(session, "globex"), number, actor=ACTOR)

    def test_a_key_from_before_goes_on_and_belongs_to_one_customer(self, plane: ControlPlane) -> None:
        add_customer(plane)
        add_customer(plane, "Globex")
        with plane.database.write() as session:
            row = api_keys.take_over(plane, session, customers.find(session, "acme"), "old", OLD, actor=ACTOR)
            assert row.hint == "(imported)"
            assert row.digest == plane.vault.digest(OLD)
        with plane.database.write() as session, pytest.raises(Conflict):
            api_keys.take_over(plane, session, customers.find(session, "globex"), "old", OLD, actor=ACTOR)

    @pytest.mark.parametrize(
        "key", ["short", "with a space in it 0123456789", "ümlaut-0123456789-012345", "a" * 19, "a" * 513]
    )
    def test_a_key_that_no_header_carries_is_refused(self, plane: ControlPlane, key: str) -> None:
        add_customer(plane)
        with plane.database.write() as session, pytest.raises(ControlError, match="printable ASCII") as refused:
            api_keys.take_over(plane, session, customers.find(session, "acme"), "old", key, actor=ACTOR)
        assert key not in str(refused.value)

    @pytest.mark.parametrize(
        ("text", "after"),
        [
            (None, None),
            ("90", timedelta(days=90)),
            ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC) - NOW),
        ],
    )
    def test_a_key_ends_after_days_as_a_day_begins_or_never(
        self, plane: ControlPlane, text: str | None, after: timedelta | None
    ) -> None:
        add_customer(plane)
        with plane.database.write() as session:
            tenant = customers.find(session, "acme")
            number = api_keys.create(plane, session, tenant, "x", actor=ACTOR, expires=text)[0].id
            old = api_keys.take_over(plane, session, tenant, "old", OLD, actor=ACTOR, expires=text).id
        wanted = None if after is None else plane.now() + after
        with plane.database.read() as session:
            assert [session.get_one(ApiKey, one).expires_at for one in (number, old)] == [wanted, wanted]

    @pytest.mark.parametrize("text", ["0", "-1", "2020-01-01", "soon", "", "99999999999", "31.01.2027", "１"])
    def test_an_expiry_that_is_over_or_none_is_refused(self, plane: ControlPlane, text: str) -> None:
        add_customer(plane)
        with plane.database.write() as session, pytest.raises(ControlError, match="expiry"):
            api_keys.create(plane, session, customers.find(session, "acme"), "x", actor=ACTOR, expires=text)

    def test_a_removed_customers_keys_are_revoked(self, plane: ControlPlane) -> None:
        add_customer(plane)
        number, _ = _create(plane)
        with plane.database.write() as session:
            customers.remove(plane, session, "acme", actor=ACTOR)
            assert session.get_one(ApiKey, number).revoked_at == plane.now()

    def test_another_master_key_is_found_out_at_the_start(self, plane: ControlPlane) -> None:
        with plane.database.write() as session, pytest.raises(Misconfigured, match="another key"):
            Vault(bytes(32)).claim(session)
