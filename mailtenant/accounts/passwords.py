"""Passwords of mailboxes: hashing, rules, generating. A password is never printed, logged or put into an error."""

import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import Final

from argon2 import PasswordHasher, Type

MIN_LENGTH: Final = 8
MAX_OCTETS: Final = 512
# OWASP Password Storage Cheat Sheet: Argon2id, 19 MiB, 2 passes, 1 lane. Each login costs that memory once.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)
# No letters or digits that are read for one another.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class PasswordRefused(ValueError):
    """Which rule the password breaks; never the password."""


def check_password(password: str) -> None:
    """Length, and no characters that a login cannot carry. Letters of every script are fine: they travel as UTF-8.

    Raises: PasswordRefused
    """
    if len(password) < MIN_LENGTH:
        raise PasswordRefused(f"the password has fewer than {MIN_LENGTH} characters")
    try:
        octets = password.encode()
    except UnicodeEncodeError:
        raise PasswordRefused("the password holds characters that are not valid Unicode") from None
    if len(octets) > MAX_OCTETS:
        raise PasswordRefused(f"the password is longer than {MAX_OCTETS} octets")
    # NUL ends a SASL PLAIN field, a line break ends a line of IMAP (RFC 4616 §2, RFC 9051 §4.3).
    if any(character < " " or character == "\x7f" for character in password):
        raise PasswordRefused("the password holds a line break, tab or other control character")


def hash_password(password: str) -> str:
    """`{ARGON2ID}$argon2id$…`, as Dovecot verifies it.

    Raises: PasswordRefused
    """
    check_password(password)
    return "{ARGON2ID}" + _HASHER.hash(password)


def hash_passwords(passwords: Sequence[str], advance: Callable[[], None] = lambda: None) -> list[str]:
    """Hashes in the order given, on all processors (the hasher releases the GIL). `advance` is called for each."""

    def one(password: str) -> str:
        hashed = hash_password(password)
        advance()
        return hashed

    with ThreadPoolExecutor(max_workers=cpu_count() or 1) as pool:
        return list(pool.map(one, passwords))


def generate_password() -> str:
    """Four groups of five, about 116 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
