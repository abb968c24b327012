"""Passwords: rules, hashing, generating."""

import pytest
from argon2 import PasswordHasher, extract_parameters

from mailtenant.accounts.passwords import (
    PasswordRefused,
    check_password,
    generate_password,
    hash_password,
    hash_passwords,
)
from mailtenant.accounts.schemes import check_hash


@pytest.mark.parametrize(
    "password", ["pässwörd-ключ-鍵", "'; DROP TABLE--", "%{user} $HOME {{x}}", "with spaces in it", "🔑" * 8]
)
def test_a_hash_verifies_its_password_in_every_script(password: str) -> None:
    stored = hash_password(password)
    assert stored.startswith("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$")
    assert PasswordHasher().verify(stored.removeprefix("{ARGON2ID}"), password)
    assert check_hash(stored) == stored


def test_the_same_password_is_hashed_differently_each_time() -> None:
    assert hash_password("correct horse") != hash_password("correct horse")


@pytest.mark.parametrize(
    "password, rule",
    [
        ("short", "fewer than 8"),
        ("line\nbreak-in-it", "control character"),
        ("nul\0character", "control character"),
        ("tab\tcharacter", "control character"),
        ("lone\ud800surrogate", "valid Unicode"),
        ("x" * 513, "longer than"),
    ],
)
def test_a_password_that_no_login_can_carry_is_refused_without_repeating_it(password: str, rule: str) -> None:
    with pytest.raises(PasswordRefused, match=rule) as caught:
        check_password(password)
    assert password not in str(caught.value)


def test_many_are_hashed_in_order_and_counted() -> None:
    words, counted = [f"password-{number}" for number in range(6)], []
    hashes = hash_passwords(words, lambda: counted.append(1))
    assert len(counted) == 6
    for word, stored in zip(words, hashes, strict=True):
        assert PasswordHasher().verify(stored.removeprefix("{ARGON2ID}"), word)


def test_a_generated_password_is_long_unambiguous_and_new_each_time() -> None:
    made = {generate_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        check_password(password)
        assert len(password) == 23 and not set(password) & set("0O1lIi")


def test_the_cost_is_what_owasp_asks_for() -> None:
    parameters = extract_parameters(hash_password("correct horse").removeprefix("{ARGON2ID}"))
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)
