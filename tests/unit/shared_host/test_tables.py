"""A mailbox in and out of a shared host's tables; what belongs to others stays as it is."""

import pytest

from mailtenant.shared_host import tables

USERS = (
    "# people\njo@acme.test:{X}old:5000:5000:Jo Doe:/home/jo:/bin/no:userdb_quota_storage_size=5M\nann@acme.test:{X}a\n"
)
ALIASES = (
    "# all customers\n"
    "sales@acme.test jo@acme.test, Ann@acme.test\n"
    "team@acme.test  ann@acme.test,\n"
    "    jo@acme.test\n"
    "solo@acme.test\tjo@acme.test\n"
    "friends@other.test jo@acme.test\n"
    "jo@acme.test jo@acme.test, x@elsewhere.test\n"
)


def test_a_new_user_is_a_line_of_its_own_and_a_known_one_gets_the_password_only() -> None:
    made = tables.with_user(USERS.removesuffix("\n"), "bob@acme.test", "{X}b", "Bob: the builder")
    assert made == USERS + "bob@acme.test:{X}b:::Bob  the builder:::\n"
    assert tables.user_names(made) == {
        "jo@acme.test": "Jo Doe",
        "ann@acme.test": "",
        "bob@acme.test": "Bob  the builder",
    }
    assert tables.with_user(USERS, "jo@acme.test", "{X}new", "other") == USERS.replace("{X}old", "{X}new")
    assert tables.with_user(made, "bob@acme.test", "{X}b", "") == made


@pytest.mark.parametrize("rest", ["", ":", ":{X}a", ":{X}a:::::::nologin=y", ":{X}a:1:2:na:h:s:a:b"])
def test_a_password_is_changed_in_lines_of_any_length(rest: str) -> None:
    changed = tables.with_password(f"jo@acme.test{rest}\nann@acme.test:{{X}}k\n", "jo@acme.test", "{X}n")
    assert changed == f"jo@acme.test:{{X}}n{rest.removeprefix(':').removeprefix('{X}a')}\nann@acme.test:{{X}}k\n"


def test_a_user_that_goes_leaves_the_others_and_the_comments() -> None:
    assert tables.without_user(USERS, "jo@acme.test") == "# people\nann@acme.test:{X}a\n"
    assert tables.without_user(USERS, "people") == USERS


def test_a_key_is_added_once_and_taken_out_with_its_further_lines() -> None:
    assert tables.with_key(ALIASES, "new@acme.test", "x") == ALIASES + "new@acme.test x\n"
    assert tables.with_key(ALIASES, "sales@acme.test", "x") == ALIASES
    assert tables.without_key(ALIASES, "team@acme.test") == ALIASES.replace(
        "team@acme.test  ann@acme.test,\n    jo@acme.test\n", ""
    )


def test_no_alias_of_the_customer_leads_to_a_removed_mailbox_and_other_customers_keep_theirs() -> None:
    assert tables.without_value(ALIASES, "jo@acme.test", ("acme.test",)) == (
        "# all customers\n"
        "sales@acme.test ann@acme.test\n"
        "team@acme.test ann@acme.test\n"
        "friends@other.test jo@acme.test\n"
        "jo@acme.test x@elsewhere.test\n"
    )
    assert tables.without_value(ALIASES, "nobody@acme.test", ("acme.test",)) == ALIASES
