"""What the database refuses, whoever asks: limits with their numbers, contradictory addresses, loops."""

import threading

import pytest

from mailtenant.accounts import AccountError, accounts_document
from mailtenant.accounts.model import Alias, NewMailbox
from tests.world.accounts.database import Database
from tests.world.tenants import eventually

MIB = 1024**2


def limited(database: Database, **capacity: int) -> dict[str, object]:
    """The stack file's document with a smaller capacity."""
    whole = {"mailboxes": 600, "domains": 5, "storage_bytes": 600 * 1024**3, "mailbox_quota_bytes": 1024**3}
    return {"domains": [domain.name for domain in database.settings.domains], "capacity": whole | capacity}


def apply(database: Database, document: dict[str, object], expected: str) -> None:
    database.apply(document)
    database.eventually_owner("SELECT mailboxes || ' ' || storage_bytes / 1048576 FROM mail.settings", expected)


def refusal(database: Database) -> str:
    def reason() -> str:
        with database.accounts() as store:
            return store.usage().refusal or ""

    return eventually(reason, seconds=20, what="a refusal")


def boxes(number: int, quota_mib: int | None = None) -> list[NewMailbox]:
    return [NewMailbox(f"u{n}@ledger.test", None, quota_mib) for n in range(number)]


def test_one_mailbox_too_many_is_refused_with_the_numbers(database: Database) -> None:
    apply(database, limited(database, mailboxes=3), "3 614400")
    with database.accounts() as store:
        store.import_all(boxes(3), [])
        with pytest.raises(
            AccountError, match=r"would make 4 mailboxes; capacity.mailboxes is 3; raise capacity.mailboxes"
        ):
            store.add(NewMailbox("more@ledger.test"))
        assert store.usage().mailboxes == 3


def test_quotas_never_sum_to_more_than_the_storage(database: Database) -> None:
    apply(database, limited(database, storage_bytes=2048 * MIB, mailbox_quota_bytes=1024 * MIB), "600 2048")
    with database.accounts() as store:
        store.import_all(boxes(1), [])
        with pytest.raises(AccountError, match=r"would sum to 2\.5 GiB; capacity\.storage_gib allows 2 GiB"):
            store.add(NewMailbox("big@ledger.test", None, 1536))
        store.add(NewMailbox("small@ledger.test", None, 1024))
        with pytest.raises(AccountError, match="would sum to"):
            store.set_quota("small@ledger.test", 1025)
        with pytest.raises(AccountError, match="would sum to"):
            store.set_quota("u0@ledger.test", 4096)


def test_two_writers_cannot_both_take_the_last_place(database: Database) -> None:
    apply(database, limited(database, mailboxes=1), "1 614400")
    outcomes: list[str] = []

    def add(name: str) -> None:
        try:
            with database.accounts() as store:
                store.add(NewMailbox(f"{name}@ledger.test"))
            outcomes.append("added")
        except AccountError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=add, args=(name,)) for name in ("jo", "ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("added") == 1 and sum("capacity.mailboxes is 1" in text for text in outcomes) == 2


def test_a_capacity_below_use_is_refused_and_the_earlier_one_stays(database: Database) -> None:
    with database.accounts() as store:
        store.import_all(boxes(4, 100), [])
    database.apply(limited(database, mailboxes=3) | {"domains": ["ledger.test", "ledger-two.test", "new.test"]})
    assert "capacity.mailboxes 3: below the 4 in use; remove 1 mailboxes or set at least 4" in refusal(database)
    assert database.lookup("SELECT name FROM postfix_domains WHERE name = 'new.test'") == []
    with database.accounts() as store:
        assert store.usage().mailboxes_allowed == 600
    assert "settings refused: capacity.mailboxes 3" in database.docker("exec", database.container, "healthcheck")
    database.apply(limited(database, storage_bytes=300 * MIB))
    assert eventually(lambda: (text := refusal(database)) and "storage_gib" in text and text, what="the newer refusal")


@pytest.mark.parametrize(
    "document", ["not json", "[]", "{}", '{"domains": [], "capacity": {}}', '{"domains": ["x y"]}']
)
def test_a_broken_document_is_refused_and_service_goes_on(database: Database, document: str) -> None:
    database.apply(document)
    assert refusal(database)
    assert database.lookup("SELECT count(*) FROM postfix_domains") == [(2,)]
    database.apply(accounts_document(database.settings))
    database.eventually_owner("SELECT count(*) FROM mail.settings_refusal", "0")


def test_a_domain_with_mailboxes_is_switched_off_and_one_without_goes(database: Database) -> None:
    with database.accounts() as store:
        store.add(NewMailbox("ann@ledger-two.test", "{SHA256}x"))
    database.apply(limited(database) | {"domains": ["ledger.test", "third.test"]})
    database.eventually_owner(
        "SELECT string_agg(name || active, ' ' ORDER BY name) FROM mail.domains",
        "ledger-two.testfalse ledger.testtrue third.testtrue",
    )
    assert database.lookup("SELECT 1 FROM postfix_mailboxes WHERE address = 'ann@ledger-two.test'") == []
    assert database.lookup("SELECT 1 FROM postfix_aliases WHERE address LIKE '%%@ledger-two.test'") == []
    assert database.lookup("SELECT 1 FROM postfix_sender_logins WHERE address = 'ann@ledger-two.test'") == []
    # What is there can still be read.
    assert database.lookup("SELECT username FROM dovecot_passwords WHERE username = 'ann@ledger-two.test'")
    database.reset()
    assert database.owner("SELECT count(*) FROM mail.domains WHERE name = 'third.test'") == "0"


def test_the_postmaster_moves_when_its_domain_goes(database: Database) -> None:
    database.apply(limited(database) | {"domains": ["ledger-two.test"]})
    wanted = "abuse@ledger-two.test>postmaster@ledger-two.test"
    database.eventually_owner(
        "SELECT string_agg(address || '>' || destination, ' ' ORDER BY address) FROM mail.builtin_aliases", wanted
    )
    database.reset()
    rows = database.lookup("SELECT DISTINCT destination FROM postfix_aliases WHERE address LIKE 'abuse@%%'")
    assert len(rows) == 1


def test_an_address_is_a_mailbox_or_an_alias(database: Database) -> None:
    with database.accounts() as store:
        store.add(NewMailbox("jo@ledger.test"))
        store.add_alias("sales@ledger.test", ["jo@ledger.test"])
        with pytest.raises(AccountError, match=r"already an alias for jo@ledger\.test"):
            store.add(NewMailbox("sales@ledger.test"))
        with pytest.raises(AccountError, match="already a mailbox"):
            store.add_alias("jo@ledger.test", ["x@elsewhere.test"])
        with pytest.raises(AccountError, match="exists already"):
            store.add(NewMailbox("jo@ledger.test"))
        with pytest.raises(AccountError, match="exists already"):
            store.add_alias("sales@ledger.test", ["jo@ledger.test"])
        with pytest.raises(AccountError, match="not one of the tenant's"):
            store.add(NewMailbox("jo@elsewhere.test"))
        with pytest.raises(AccountError, match="not one of the tenant's"):
            store.add_alias("all@elsewhere.test", ["jo@ledger.test"])


def test_an_alias_never_leads_back_to_itself_or_nowhere(database: Database) -> None:
    with database.accounts() as store:
        store.add(NewMailbox("jo@ledger.test"))
        with pytest.raises(AccountError, match=r"would lead in a circle: a@ledger\.test → a@ledger\.test"):
            store.add_alias("a@ledger.test", ["a@ledger.test"])
        with pytest.raises(AccountError, match="does not exist here"):
            store.add_alias("a@ledger.test", ["nobody@ledger.test"])
        store.add_alias("a@ledger.test", ["jo@ledger.test"])
        store.add_alias("b@ledger.test", ["a@ledger.test"])
        for looping in ("b@ledger.test", "b+tag@ledger.test"):
            with pytest.raises(AccountError, match=r"circle: a@ledger\.test → b") as refused:
                store.add_alias("a@ledger.test", [looping])
            assert str(refused.value).endswith(f"→ {looping} → a@ledger.test")
        with pytest.raises(AccountError, match=r"circle: postmaster\S+ → abuse\S+ → postmaster"):
            store.add_alias("postmaster@ledger.test", ["abuse@ledger.test"])
        with pytest.raises(AccountError, match="more than 1000 addresses"):
            store.add_alias("all@ledger.test", [f"x{n}@elsewhere.test" for n in range(1001)])
        # Whoever does not ask first: the database has the last word.
        with pytest.raises(AccountError, match="leads back to itself"):
            store.import_all([], [Alias("x@ledger.test", "y@ledger.test"), Alias("y@ledger.test", "x@ledger.test")])
        assert {(alias.address, alias.destination) for alias in store.aliases() if not alias.builtin} == {
            ("a@ledger.test", "jo@ledger.test"),
            ("b@ledger.test", "a@ledger.test"),
        }
