"""Addresses: one narrow syntax, errors that name the rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtenant.accounts.address import parse_address, parse_alias_address, parse_mailbox_address
from mailtenant.accounts.errors import AccountError


@pytest.mark.parametrize(
    "typed, stored",
    [
        ("Jo.Doe@Acme.Test", "jo.doe@acme.test"),
        (" jo@acme.test ", "jo@acme.test"),
        ("o'brien@acme.test", "o'brien@acme.test"),
        ("r&d@acme.test", "r&d@acme.test"),
        ("_jo@xn--bcher-kva.test", "_jo@xn--bcher-kva.test"),
        ("a" * 64 + "@acme.test", "a" * 64 + "@acme.test"),
    ],
)
def test_a_mailbox_address_is_stored_in_lower_case(typed: str, stored: str) -> None:
    assert parse_mailbox_address(typed) == stored


@pytest.mark.parametrize(
    "typed, rule",
    [
        ("jo", "not an address"),
        ("@acme.test", "nothing stands before"),
        ("jo@", "not a domain"),
        ("jo@acme", "not a domain"),
        ("jo@acme..test", "not a domain"),
        ("jo@-acme.test", "not a domain"),
        ("jo@bücher.test", "xn--"),
        ("jö@acme.test", "beyond a-z"),
        ("a" * 65 + "@acme.test", "64 characters"),
        ("a@" + "b." * 130 + "test", "not a domain"),
        (".jo@acme.test", "before the @"),
        ("jo.@acme.test", "before the @"),
        ("j..o@acme.test", "before the @"),
        ("-jo@acme.test", "before the @"),
        ("../../etc@acme.test", "before the @"),
        ("jo/../ann@acme.test", "before the @"),
        ("%{user}@acme.test", "before the @"),
        ("jo;rm -rf@acme.test", "before the @"),
        ("jo\nann@acme.test", "before the @"),
        ('"jo"@acme.test', "before the @"),
        ("jo@ann@acme.test", "before the @"),
        ("jo|cat@acme.test", "before the @"),
        ("jo$HOME@acme.test", "before the @"),
        ("jo\x00@acme.test", "before the @"),
        ("jo+shop@acme.test", "cannot hold `[+]`"),
    ],
)
def test_a_bad_mailbox_address_is_refused_with_its_rule(typed: str, rule: str) -> None:
    with pytest.raises(AccountError, match=rule) as caught:
        parse_mailbox_address(typed)
    assert "\n" not in str(caught.value) and "\x00" not in str(caught.value)


def test_a_sub_address_may_be_a_destination() -> None:
    assert parse_address("jo+shop@acme.test") == "jo+shop@acme.test"


def test_a_domain_alone_is_a_catch_all() -> None:
    assert parse_alias_address("@Acme.Test") == "@acme.test"


@given(st.text(max_size=80))
def test_whatever_is_typed_gives_an_address_without_a_path_or_an_error(text: str) -> None:
    try:
        address = parse_mailbox_address(text)
    except AccountError as error:
        assert str(error).isprintable()
    else:
        assert address == address.lower() and address.isascii()
        assert not set(address) & set('/\\%"$`|;<>(){}[]*? \t\n\r\0:,')
        assert not address.startswith((".", "-"))
