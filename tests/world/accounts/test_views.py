"""What the daemons see: the six views, kept right by the accounts."""

import pytest

from mailtenant.accounts import AccountError
from mailtenant.accounts.model import NewMailbox
from tests.world.accounts.database import Database
from tests.world.tenants import eventually

JO, ANN = "jo@ledger.test", "ann@ledger-two.test"
HASH = "{ARGON2ID}$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"


@pytest.fixture
def people(database: Database) -> Database:
    with database.accounts() as store:
        store.add(NewMailbox(JO, HASH, 512))
        store.add(NewMailbox(ANN, HASH))
    return database


def destinations(database: Database, address: str) -> list[str]:
    rows = database.lookup("SELECT destination FROM postfix_aliases WHERE address = %s ORDER BY 1", address)
    return [row[0] for row in rows]


def logins(database: Database, address: str) -> list[str]:
    rows = database.lookup("SELECT login FROM postfix_sender_logins WHERE address = %s ORDER BY 1", address)
    return [row[0] for row in rows]


def test_a_new_mailbox_is_seen_by_every_lookup_at_once(people: Database) -> None:
    assert people.lookup("SELECT name FROM postfix_domains WHERE name = %s", "ledger.test") == [("ledger.test",)]
    assert people.lookup("SELECT address FROM postfix_mailboxes WHERE address = %s", JO) == [(JO,)]
    assert destinations(people, JO) == [JO]
    assert logins(people, JO) == [JO]
    assert people.lookup("SELECT password, enabled FROM dovecot_passwords WHERE username = %s", JO) == [(HASH, True)]
    assert people.lookup("SELECT quota_bytes FROM dovecot_users WHERE username = %s", JO) == [(512 * 1024**2,)]
    assert people.lookup("SELECT quota_bytes FROM dovecot_users WHERE username = %s", ANN) == [(1024**3,)]


def test_a_changed_quota_and_password_are_seen_at_once(people: Database) -> None:
    with people.accounts() as store:
        store.set_quota(JO, 700)
        store.set_password(JO, HASH.replace("t=1", "t=2"))
    assert people.lookup("SELECT quota_bytes FROM dovecot_users WHERE username = %s", JO) == [(700 * 1024**2,)]
    assert "t=2" in people.lookup("SELECT password FROM dovecot_passwords WHERE username = %s", JO)[0][0]


def test_a_catch_all_never_takes_the_mail_of_a_mailbox(people: Database) -> None:
    with people.accounts() as store:
        store.add_alias("@ledger.test", [ANN])
    assert destinations(people, "@ledger.test") == [ANN]
    assert destinations(people, JO) == [JO]
    assert destinations(people, "postmaster@ledger.test") == ["postmaster@ledger.test"]
    assert logins(people, "@ledger.test") == []


def test_an_alias_leads_to_each_destination_and_lends_its_name(people: Database) -> None:
    with people.accounts() as store:
        store.add_alias("sales@ledger.test", [JO, ANN, "partner@elsewhere.test"])
        store.add_alias("info@ledger-two.test", ["sales@ledger.test"])
    assert destinations(people, "sales@ledger.test") == [ANN, JO, "partner@elsewhere.test"]
    assert logins(people, "sales@ledger.test") == [ANN, JO]
    assert logins(people, "info@ledger-two.test") == [ANN, JO]
    eventually(lambda: f"info@ledger-two.test {JO}" in people.owners_map(), seconds=10, what="the map of owners")


def test_postmaster_and_abuse_exist_for_every_domain(people: Database) -> None:
    home = "postmaster@ledger.test"
    assert people.lookup("SELECT address FROM postfix_mailboxes WHERE address = %s", home) == [(home,)]
    for name in ("abuse@ledger.test", "abuse@ledger-two.test", "postmaster@ledger-two.test", home):
        assert destinations(people, name) == [home]
    assert people.lookup("SELECT 1 FROM dovecot_passwords WHERE username = %s", home) == []
    with people.accounts() as store:
        store.set_password(home, HASH)
    assert logins(people, "abuse@ledger-two.test") == [home]
    assert people.lookup("SELECT password FROM dovecot_passwords WHERE username = %s", home) == [(HASH,)]


def test_they_can_be_re_pointed_but_not_removed(people: Database) -> None:
    with people.accounts() as store:
        store.add_alias("abuse@ledger-two.test", [ANN])
        store.add_alias("postmaster@ledger.test", [JO])
        assert destinations(people, "abuse@ledger-two.test") == [ANN]
        assert destinations(people, "postmaster@ledger.test") == [JO]
        store.remove_alias("abuse@ledger-two.test")
        assert destinations(people, "abuse@ledger-two.test") == ["postmaster@ledger.test"]
        with pytest.raises(AccountError, match="cannot be removed"):
            store.remove_alias("abuse@ledger-two.test")
        with pytest.raises(AccountError, match="cannot be removed"):
            store.remove("postmaster@ledger.test")


def test_removing_a_mailbox_takes_its_aliases_and_nothing_else(people: Database) -> None:
    with people.accounts() as store:
        store.add_alias("sales@ledger.test", [JO, ANN])
        gone = store.remove(JO)
    assert [(alias.address, alias.destination) for alias in gone] == [("sales@ledger.test", JO)]
    assert destinations(people, "sales@ledger.test") == [ANN]
    assert people.lookup("SELECT 1 FROM postfix_mailboxes WHERE address = %s", JO) == []
    eventually(lambda: not any(JO in line for line in people.owners_map()), seconds=10, what="the owner is gone")


def test_a_lookup_stays_an_index_read_with_many_mailboxes(people: Database) -> None:
    with people.accounts() as store:
        store.import_all([NewMailbox(f"u{n}@ledger.test", HASH, 1) for n in range(500)], [])
    people.owner("INSERT INTO mail.room SELECT address, 1 FROM mail.mailboxes")
    people.owner("ANALYZE")
    queries = {
        "postfix_mailboxes": "address",
        "postfix_aliases": "address",
        "postfix_sender_logins": "address",
        "dovecot_passwords": "username",
        "dovecot_users": "username",
    }
    for view, column in queries.items():
        plan = people.owner(f"EXPLAIN SELECT * FROM {view} WHERE {column} = 'u7@ledger.test'")
        scans = [line for line in plan.splitlines() if "Scan" in line and "settings" not in line]
        assert len(scans) == (2 if view == "dovecot_users" else 1)
        assert all("Index" in scan for scan in scans), plan


def test_an_alias_for_a_sub_address_lends_its_name_too(people: Database) -> None:
    with people.accounts() as store:
        store.add_alias("shop@ledger.test", ["jo+shop@ledger.test"])
    assert destinations(people, "shop@ledger.test") == ["jo+shop@ledger.test"]
    assert logins(people, "shop@ledger.test") == [JO]


def test_a_mailbox_that_is_switched_off_still_gets_mail(people: Database) -> None:
    people.owner(f"UPDATE mail.mailboxes SET enabled = false WHERE address = '{JO}'")
    assert people.lookup("SELECT enabled FROM dovecot_passwords WHERE username = %s", JO) == [(False,)]
    assert destinations(people, JO) == [JO]
    assert logins(people, JO) == []
