"""Imported hashes: what Dovecot verifies is taken, what it does not is refused with the reason and without the hash."""

import base64
import hashlib

import pytest
from argon2 import PasswordHasher, Type

from mailtenant.accounts.schemes import HashRefused, check_hash
from tests.unit.accounts.examples import DIGEST, SHA512_CRYPT

PASSWORD = b"correct horse"


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def argon2(kind: Type, **cost: int) -> str:
    return PasswordHasher(type=kind, **({"time_cost": 1, "memory_cost": 1024, "parallelism": 1} | cost)).hash(PASSWORD)


SHA256_CRYPT = "$5$.WMrfUz8s3mKIkIG$Vho2o8sqL0q2l.dgoGswLU5IhZo7UnzdkEwpSqi9yh6"
BCRYPT = "$2y$05$n5x/Y0lJCVRQpfWgvj6T0uZ7J/7FCeeJ3b3EeMjiMD0q9BGQiT02."
SCRAM = (
    "4096,ClOqrH5VyjH6UMiRpjN41g==,P+LilfO9bn2vOTH4mKdeHRn5WvINEboCtDyfXpzYHvE="
    ",cZif36zc0gfLnxnns0U3L6jSDrJX0bUgrFQSLnZw6sk="
)

TAKEN = {
    "{ARGON2ID}" + argon2(Type.ID): None,
    "{ARGON2I}" + argon2(Type.I): None,
    "{ARGON2}" + argon2(Type.ID): None,
    argon2(Type.ID, parallelism=4): "{ARGON2ID}",
    "{SHA512-CRYPT}" + SHA512_CRYPT: None,
    SHA512_CRYPT: "{SHA512-CRYPT}",
    "{CRYPT}" + SHA512_CRYPT: None,
    "{SHA512-CRYPT}$6$rounds=10000$abcdefgh$" + DIGEST: None,
    SHA256_CRYPT: "{SHA256-CRYPT}",
    BCRYPT: "{BLF-CRYPT}",
    BCRYPT.replace("$2y$", "$2b$"): "{BLF-CRYPT}",
    "{PBKDF2}$1$kUXY.jDUfG5Pn9vu$5000$73ad402025cd37c1c701ab35d598b0ff38a25d86": None,
    "{SCRAM-SHA-256}" + SCRAM: None,
    "{SSHA512}" + b64(hashlib.sha512(PASSWORD + b"salt").digest() + b"salt"): None,
    "{SSHA256.hex}" + (hashlib.sha256(PASSWORD + b"salt").digest() + b"salt").hex(): "",
    "{SHA256}" + b64(hashlib.sha256(PASSWORD).digest()): None,
    "{SHA512}" + hashlib.sha512(PASSWORD).hexdigest(): None,
    "{sha1}" + b64(hashlib.sha1(PASSWORD, usedforsecurity=False).digest()): "",
    "{SHA}" + b64(hashlib.sha1(PASSWORD, usedforsecurity=False).digest()): None,
}


@pytest.mark.parametrize("value", TAKEN)
def test_a_hash_that_dovecot_verifies_is_taken(value: str) -> None:
    stored = check_hash(f" {value} ")
    prefix = TAKEN[value]
    if prefix is None:
        assert stored == value
    elif prefix:
        assert stored == prefix + value
    else:
        scheme, data = value.split("}", 1)
        assert stored == f"{scheme.upper()}}}{data}"


REFUSED = [
    ("{MD5-CRYPT}$1$i5Nkiix2$9CnGpw2v6EfMXbYKTRUpt0", "too weak"),
    ("$1$i5Nkiix2$9CnGpw2v6EfMXbYKTRUpt0", "too weak"),
    ("{CRYPT}$1$i5Nkiix2$9CnGpw2v6EfMXbYKTRUpt0", "too weak"),
    ("{CRYPT}abdlQ8.rQqhhA", "too weak"),
    ("{plain-md5}c62dd9c18dc76d07d3f516eb13edc45a", "too weak"),
    ("{LDAP-MD5}xi3ZwY3HbQfT9RbrE+3EWg==", "too weak"),
    ("{PLAIN}correct horse", "not a hash"),
    ("{CLEARTEXT}secret", "not a hash"),
    ("{OTP}sha1 1024 741abcb3bfacad05 b6ba5c17d36713e2", "cannot move"),
    ("{DIGEST-MD5}c62dd9c18dc76d07d3f516eb13edc45a", "cannot move"),
    ("{ROT13}frperg", "does not verify this scheme"),
    ("$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2", "framework"),
    ("pbkdf2_sha256$600000$abc$def=", "framework"),
    ("$P$B12345678abcdefghijklmnopqrstuv", "framework"),
    ("swordfish", "names no scheme"),
    ("{SHA512-CRYPT}$6$salt$tooshort", "not in the form"),
    ("{BLF-CRYPT}" + BCRYPT[:-1], "not in the form"),
    ("{BLF-CRYPT}" + BCRYPT.replace("$05$", "$31$"), "cost too much"),
    ("{SHA512-CRYPT}$6$rounds=999999999$abcdefgh$" + DIGEST, "cost too much"),
    ("{ARGON2ID}" + argon2(Type.ID).replace("m=1024", "m=262144"), "cost too much"),
    ("{ARGON2ID}" + argon2(Type.ID).replace("$v=19", ""), "not in the form"),
    ("{ARGON2ID}" + argon2(Type.I), "not in the form"),
    ("{CRYPT}" + argon2(Type.ID), "crypt"),
    ("{SSHA512}" + b64(hashlib.sha512(PASSWORD).digest()), "length"),
    ("{SSHA512}" + b64(hashlib.sha512(PASSWORD + b"s").digest() + b"s").rstrip("="), "complete base64"),
    ("{SHA256}" + b64(hashlib.sha1(PASSWORD, usedforsecurity=False).digest()), "length"),
    ("{SHA256.ROT}abc", "encoding"),
    ("{SHA256}", "no scheme"),
    ("{SHA512-CRYPT}" + SHA512_CRYPT + " ; DROP TABLE mailboxes", "spaces"),
    ("{SHA512-CRYPT}" + SHA512_CRYPT + "\n{PLAIN}x", "spaces"),
    ("{CRYPT}пароль", "spaces"),
]


@pytest.mark.parametrize("value, reason", REFUSED)
def test_any_other_hash_is_refused_with_the_reason_but_not_repeated(value: str, reason: str) -> None:
    with pytest.raises(HashRefused, match=reason) as caught:
        check_hash(value)
    secret = value.partition("}")[2] or value
    assert not secret or secret not in str(caught.value)
