"""The throw-away mailbox: made, given, and gone again with its mail whatever happens in between."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Self

import pytest

from mailtenant.accounts.errors import AccountError, AccountsUnavailable
from mailtenant.check import probe
from tests.unit.settings.example import example_settings

TOKEN = "0123456789ab"
ADDRESS = f"mailtenant-check-{TOKEN}@acme.test"


class Accounts:
    """Stands for the tenant's database and mail store; `log` is what was asked of them."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.present: list[SimpleNamespace] = []
        self.failing = ""
        self.mail_store_is_down = False
        self.hash = ""

    def __call__(self, engine: object) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def mailboxes(self) -> list[SimpleNamespace]:
        return self.present

    def add(self, mailbox: Any) -> None:
        self._do("add", mailbox.address)
        self.hash = mailbox.password_hash

    def remove(self, address: str) -> None:
        self._do("remove", address)

    def has_mail(self, engine: object, address: str) -> bool:
        if self.mail_store_is_down:
            raise AccountsUnavailable("no container mt-acme-imap")
        return False

    def end_sessions(self, engine: object, address: str) -> None:
        self._do("end_sessions", address)

    def delete_mail(self, engine: object, address: str) -> None:
        self._do("delete_mail", address)

    def _do(self, what: str, address: str) -> None:
        self.log.append(f"{what} {address}")
        if what == self.failing:
            raise AccountError(f"{what} failed")


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> Accounts:
    made = Accounts()
    monkeypatch.setattr(probe, "AccountStore", made)
    monkeypatch.setattr(probe, "has_mail", made.has_mail)
    monkeypatch.setattr(probe, "end_sessions", made.end_sessions)
    monkeypatch.setattr(probe, "delete_mail", made.delete_mail)
    return made


GONE = [f"{what} {ADDRESS}" for what in ("remove", "end_sessions", "delete_mail")]


def test_it_is_made_and_removed_with_its_mail(accounts: Accounts) -> None:
    with probe.throw_away_mailbox(example_settings(), TOKEN) as login:
        assert login.address == ADDRESS
        assert accounts.log == [f"add {ADDRESS}"]
        assert accounts.hash.startswith("{ARGON2ID}")
        assert len(login.password) >= 20
        assert login.password not in repr(login)
    assert accounts.log[1:] == GONE


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_it_is_removed_after_a_failure(accounts: Accounts, failure: type[BaseException]) -> None:
    with suppress(failure), probe.throw_away_mailbox(example_settings(), TOKEN):
        raise failure
    assert accounts.log[1:] == GONE


@pytest.mark.parametrize("failing", ["remove", "end_sessions"])
def test_its_mail_goes_even_if_something_before_fails(accounts: Accounts, failing: str) -> None:
    accounts.failing = failing
    with pytest.raises(AccountError, match=failing), probe.throw_away_mailbox(example_settings(), TOKEN):
        pass
    assert accounts.log[1:] == GONE


def test_without_a_mail_store_there_is_no_mail_to_delete(accounts: Accounts) -> None:
    accounts.mail_store_is_down = True
    with probe.throw_away_mailbox(example_settings(), TOKEN):
        pass
    assert accounts.log == [f"add {ADDRESS}", f"remove {ADDRESS}"]


def test_what_a_killed_check_left_is_removed_and_nothing_else(accounts: Accounts) -> None:
    now = datetime.now(UTC)
    old, fresh = now - timedelta(hours=2), now - timedelta(minutes=5)
    accounts.present = [
        SimpleNamespace(address="mailtenant-check-aaaaaaaaaaaa@acme.test", created_at=old),
        SimpleNamespace(address="mailtenant-check-bbbbbbbbbbbb@acme.test", created_at=fresh),
        SimpleNamespace(address="mailtenant-check-report@acme.test", created_at=old),
        SimpleNamespace(address="jo@acme.test", created_at=old),
    ]
    with probe.throw_away_mailbox(example_settings(), TOKEN):
        pass
    touched = {entry.split()[1] for entry in accounts.log}
    assert touched == {"mailtenant-check-aaaaaaaaaaaa@acme.test", ADDRESS}


def test_a_full_tenant_is_told_the_way_around() -> None:
    failure = probe.cannot_probe(AccountError("50 of 50 mailboxes are in use"))
    assert failure.cause == "50 of 50 mailboxes are in use"
    assert "--mailbox ADDRESS --password-stdin" in failure.fix


def test_a_tenant_that_is_down_is_told_to_be_brought_up() -> None:
    failure = probe.cannot_probe(AccountsUnavailable("tenant acme is not up; bring it up: pulumi up -s acme"))
    assert (failure.cause, failure.fix) == ("tenant acme is not up", "bring it up: pulumi up -s acme")
