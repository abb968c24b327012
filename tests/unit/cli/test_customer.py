"""`mailtenant customer`, `key` and `notifications` on the embedded control plane."""

from pathlib import Path

import pytest

from mailtenant.cli.control import control
from mailtenant.control import customers
from mailtenant.control.tables import ApiKey
from mailtenant.tasks import book
from tests.unit.cli.conftest import Cli


@pytest.fixture(autouse=True)
def acme(tmp_path: Path, project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTENANT_DATABASE_URL", f"sqlite:///{tmp_path / 'c.db'}")
    monkeypatch.setenv("MAILTENANT_KEY_FILE", str(tmp_path / "k"))
    contact = ("--contact-name", "Jo Doe", "--contact-email", "jo@example.com")
    assert cli("customer", "add", "Acme GmbH", "--domain", "acme.test", *contact).code == 0


def test_a_contact_that_was_wrong_is_put_right(cli: Cli) -> None:
    last = cli("customer", "remove-contact", "acme", "jo@example.com")
    assert (last.code, "the only contact" in last.err) == (1, True)
    assert cli("customer", "contact", "acme", "Ann Roe", "ann@example.com").code == 0
    left = cli("customer", "remove-contact", "acme", "jo@example.com", "--json").json
    assert left["contacts"] == [{"name": "Ann Roe", "email": "ann@example.com", "proven": None}]


def test_a_state_that_does_not_exist_is_no_empty_list(cli: Cli) -> None:
    assert [one["label"] for one in cli("customer", "list", "--state", "requested", "--json").json] == ["acme"]
    ended = cli("customer", "list", "--state", "request")
    assert ended.code == 1
    assert "rolled_back" in ended.err


@pytest.mark.parametrize("number", ["99", str(2**31), str(10**30)])
def test_a_number_that_nothing_has_is_said_in_one_line(cli: Cli, number: str) -> None:
    for words in (("key", "revoke", "acme", number), ("notifications", "retry", number)):
        ended = cli(*words)
        assert ended.code == 1
        assert ended.err.startswith("error:")


def test_removing_a_customer_names_the_tasks_that_it_cancels(cli: Cli) -> None:
    with control(None) as plane, plane.database.write() as session:
        tenant = customers.find(session, "acme")
        task = book.ask(plane, session, tenant.id, "dns.push", {"domains": ["acme.test"]}, actor="customer:acme").id
    assert f"{task} (dns.push) is cancelled" in cli("customer", "remove", "acme", "--yes").out


def test_the_list_of_keys_says_when_each_ends_and_which_have(cli: Cli) -> None:
    made = cli("key", "create", "acme", "--expires", "90", "--json").json
    assert cli("key", "create", "acme", "--json").json["expires"] is None
    assert "expiry" in cli("key", "create", "acme", "--expires", "yesterday").err
    with control(None) as plane, plane.database.write() as session:
        session.get_one(ApiKey, made["id"]).expires_at = plane.now()
    shown = cli("key", "list", "acme", "--json").json
    assert [one["expired"] for one in shown] == [True, False]
    assert "(expired)" in cli("key", "list", "acme").out
