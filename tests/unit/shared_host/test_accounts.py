"""Accounts of one customer from the files of a shared host."""

import pytest

from mailtenant.accounts.model import Alias
from mailtenant.migration.sides import SideError
from mailtenant.shared_host.accounts import customer_accounts

SSHA = "{SSHA256}" + "x2Jb0Iu4Gm4A5mJHD3cFUEFRk8fHf0yLAI1NbZ2yPzQ5ZGVmYWNl"
DOMAINS = ("acme.test",)


def test_hashes_quotas_and_names_are_as_they_are() -> None:
    users = (
        "# people\n"
        f"Jo@acme.test:{SSHA}:::Jo Doe:::userdb_quota_storage_size=200M\n"
        f"ann@acme.test:{SSHA}::::::\n"
        f"bob@acme.test:{SSHA}::::::nopassword=n userdb_quota_storage_size=1048577B\n"
        "list@acme.test:::::::\n"
    )
    found = customer_accounts(users, "", DOMAINS)
    assert [(box.address, box.quota_mib, box.name) for box in found.mailboxes] == [
        ("jo@acme.test", 200, "Jo Doe"), ("ann@acme.test", None, ""),
        ("bob@acme.test", 2, ""), ("list@acme.test", None, ""),
    ]  # fmt: skip
    assert [box.password_hash for box in found.mailboxes] == [SSHA, SSHA, SSHA, None]


def test_aliases_of_other_customers_and_a_mailbox_as_its_own_destination_are_left_out() -> None:
    table = (
        "sales@acme.test jo@acme.test, Ann@acme.test\n"
        "# a comment\n"
        "@acme.test\tjo@acme.test\n"
        "jo@acme.test jo@acme.test\n"
        "team@acme.test jo@acme.test,\n  x@elsewhere.test\n"
        "friends@other.test jo@acme.test\n"
    )
    found = customer_accounts(f"jo@acme.test:{SSHA}::::::\n", table, DOMAINS)
    assert found.aliases == (
        Alias("sales@acme.test", "jo@acme.test"),
        Alias("sales@acme.test", "ann@acme.test"),
        Alias("@acme.test", "jo@acme.test"),
        Alias("team@acme.test", "jo@acme.test"),
        Alias("team@acme.test", "x@elsewhere.test"),
    )


def test_every_problem_is_named_and_no_hash_is_shown() -> None:
    users = "jo@acme.test:{MD5-CRYPT}$1$salt$secrethash::::::\nx@other.test:{SSHA}abc::::::\n"
    with pytest.raises(SideError) as error:
        customer_accounts(users, "sales@acme.test jo\n", DOMAINS)
    text = str(error.value)
    assert "jo@acme.test: MD5-CRYPT is too weak" in text and "line 2: the user is of none" in text
    assert "alias sales@acme.test: its destination is not a whole address" in text
    assert "secrethash" not in text
