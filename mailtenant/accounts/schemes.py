"""Password hashes from elsewhere: which ones Dovecot 2.4.1 of Debian trixie verifies at a login.

The table is measured (`doveadm auth test` for each scheme of `doveadm pw -l`), not read off a manual: 2.4 lists more
schemes than it takes, and refuses weak ones unless `auth_allow_weak_schemes` is set, which it is not here.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final


class HashRefused(ValueError):
    """Why a hash cannot be taken over, with the fix; never the hash."""


_INSTEAD: Final = "give the mailbox a new password instead"
_WEAK: Final = frozenset(["HMAC-MD5", "DES-CRYPT", "MD5-CRYPT", "PLAIN-MD4", "PLAIN-MD5", "MD5", "SMD5", "LDAP-MD5"])
_CLEAR: Final = frozenset(["PLAIN", "CLEAR", "CLEARTEXT", "PLAIN-TRUNC"])
_TIED: Final = {
    "OTP": "it is used up by logins",
    "DIGEST-MD5": "it holds the user's old name",
}
_B64_64: Final = r"[./A-Za-z0-9]"
_MAX_ARGON2_KIB: Final = 131072  # Dovecot's processes have 256 MiB here; 192 MiB still verifies, 256 does not
_MAX_ROUNDS: Final = 1_000_000  # seconds of processor time for each login

# Bare crypt(3) strings name their scheme themselves.
_BARE: Final = (
    (re.compile(r"\$2[abxy]\$"), "BLF-CRYPT"),
    (re.compile(r"\$5\$"), "SHA256-CRYPT"),
    (re.compile(r"\$6\$"), "SHA512-CRYPT"),
    (re.compile(r"\$argon2id\$"), "ARGON2ID"),
    (re.compile(r"\$argon2i\$"), "ARGON2I"),
    (re.compile(r"\$(?:y|gy|7)\$"), "CRYPT"),
    (re.compile(r"\$1\$"), "MD5-CRYPT"),
)
_FOREIGN: Final = re.compile(
    r"\$?(?:pbkdf2|bcrypt|scrypt|argon2d|sha1|md5|django|\$?phpass)[-_$]|\$(?:P|H|S|apr1)\$", re.IGNORECASE
)


def _digest(size: int, *, salted: bool) -> Callable[[str, str], str]:
    """A raw digest, the salt behind it, in base64 or hex. Dovecot tells the two apart by length, or by a suffix."""

    def check(data: str, encoding: str) -> str:
        hexadecimal = encoding == "HEX" or (not encoding and not salted and len(data) == 2 * size)
        try:
            raw = bytes.fromhex(data) if hexadecimal else base64.b64decode(data, validate=True)
        except (ValueError, binascii.Error):
            raise HashRefused("it is not complete base64 or hex; copy it whole, with its `=` at the end") from None
        if (len(raw) <= size) if salted else (len(raw) != size):
            raise HashRefused("it does not have the length of its scheme; copy it whole")
        return data

    return check


def _pattern(expression: str, **limits: int) -> Callable[[str, str], str]:
    """A textual form. A named group is a number, and its limit is what a login may cost."""
    compiled = re.compile(expression)

    def check(data: str, encoding: str) -> str:
        found = compiled.fullmatch(data)
        if encoding or not found:
            raise HashRefused("it is not in the form of its scheme; copy it whole, from its first `$` on")
        for name, limit in limits.items():
            if found[name] is not None and int(found[name]) > limit:
                raise HashRefused(f"checking it would cost too much at every login (above {limit}); {_INSTEAD}")
        return data

    return check


_ARGON2_COST: Final = r"\$v=19\$m=(?P<memory>\d{1,9}),t=(?P<passes>\d{1,4}),p=(?P<lanes>\d{1,3})"
_ARGON2_TAIL: Final = _ARGON2_COST + r"\$[A-Za-z0-9+/]{11,88}\$[A-Za-z0-9+/]{16,128}"
_ROUNDS: Final = r"(?:rounds=(?P<rounds>\d{1,9})\$)?"


def _argon2(kind: str) -> Callable[[str, str], str]:
    return _pattern(rf"\$argon2{kind}{_ARGON2_TAIL}", memory=_MAX_ARGON2_KIB, passes=64, lanes=64)


_BCRYPT: Final = rf"\$2[abxy]\$(?P<cost>\d\d)\${_B64_64}{{53}}"
_SHA512_CRYPT: Final = rf"\$6\${_ROUNDS}[^$:\s]{{0,16}}\${_B64_64}{{86}}"
_SHA256_CRYPT: Final = rf"\$5\${_ROUNDS}[^$:\s]{{0,16}}\${_B64_64}{{43}}"
_YESCRYPT: Final = rf"\$(?:y|gy)\${_B64_64}+\${_B64_64}*\${_B64_64}{{43}}|\$7\${_B64_64}{{11,}}\${_B64_64}{{43}}"


def _crypt(data: str, encoding: str) -> str:
    """crypt(3): whatever the system's library knows, save what Dovecot refuses as weak."""
    for known, check in (
        (_BCRYPT, _SCHEMES["BLF-CRYPT"]),
        (_SHA512_CRYPT, _SCHEMES["SHA512-CRYPT"]),
        (_SHA256_CRYPT, _SCHEMES["SHA256-CRYPT"]),
        (_YESCRYPT, _pattern(_YESCRYPT)),
    ):
        if re.fullmatch(known, data):
            return check(data, encoding)
    if re.match(r"\$1\$", data) or re.fullmatch(rf"{_B64_64}{{13}}", data):
        raise HashRefused(f"MD5 and DES crypt are too weak for Dovecot 2.4; {_INSTEAD}")
    raise HashRefused(f"this crypt(3) method is not one that Dovecot verifies here; {_INSTEAD}")


_B64: Final = r"[A-Za-z0-9+/]+={0,2}"
_SCHEMES: Final[dict[str, Callable[[str, str], str]]] = {
    "ARGON2ID": _argon2("id"),
    "ARGON2I": _argon2("i"),
    "ARGON2": _argon2("id?"),
    "BLF-CRYPT": _pattern(_BCRYPT, cost=16),
    "SHA512-CRYPT": _pattern(_SHA512_CRYPT, rounds=_MAX_ROUNDS),
    "SHA256-CRYPT": _pattern(_SHA256_CRYPT, rounds=_MAX_ROUNDS),
    "CRYPT": _crypt,
    "PBKDF2": _pattern(r"\$1\$[^$\s]{1,64}\$(?P<rounds>\d{1,9})\$[0-9a-f]{40}", rounds=_MAX_ROUNDS),
    "SCRAM-SHA-256": _pattern(
        rf"(?P<rounds>\d{{1,9}}),{_B64},[A-Za-z0-9+/]{{43}}=,[A-Za-z0-9+/]{{43}}=", rounds=_MAX_ROUNDS
    ),
    "SCRAM-SHA-1": _pattern(
        rf"(?P<rounds>\d{{1,9}}),{_B64},[A-Za-z0-9+/]{{27}}=,[A-Za-z0-9+/]{{27}}=", rounds=_MAX_ROUNDS
    ),
    "CRAM-MD5": _pattern(r"[0-9a-f]{64}"),
    "SHA": _digest(20, salted=False),
    "SHA1": _digest(20, salted=False),
    "SHA256": _digest(32, salted=False),
    "SHA512": _digest(64, salted=False),
    "SSHA": _digest(20, salted=True),
    "SSHA256": _digest(32, salted=True),
    "SSHA512": _digest(64, salted=True),
}
IMPORTABLE: Final = tuple(sorted(_SCHEMES))


def check_hash(value: str) -> str:
    """The hash as the database keeps it: `{SCHEME}data`, scheme in capitals; a bare crypt string gets its scheme.

    Raises: HashRefused with the reason.
    """
    text = value.strip()
    found = re.fullmatch(r"\{([A-Za-z0-9-]{1,20})(?:\.([A-Za-z0-9]{1,8}))?\}(.+)", text, re.DOTALL)
    if not found:
        scheme, encoding, data = _bare_scheme(text), "", text
    else:
        scheme, encoding, data = found[1].upper(), (found[2] or "").upper(), found[3]
    if scheme in _WEAK:
        raise HashRefused(f"{scheme} is too weak for Dovecot 2.4, which refuses it at login; {_INSTEAD}")
    if scheme in _CLEAR:
        raise HashRefused(f"{scheme} is not a hash: put the password into the column `password`, it will be hashed")
    if scheme in _TIED:
        raise HashRefused(f"{scheme} cannot move: {_TIED[scheme]}; {_INSTEAD}")
    if scheme not in _SCHEMES:
        raise HashRefused(f"Dovecot does not verify this scheme; importable are {', '.join(IMPORTABLE)}")
    if encoding not in ("", "HEX", "B64", "BASE64"):
        raise HashRefused("the encoding behind the scheme's dot is not hex, b64 or base64")
    if len(text) > 1000 or not re.fullmatch(r"[!-~]+", data):
        raise HashRefused("it holds spaces, control characters or letters outside ASCII, or is too long; copy it whole")
    return f"{{{scheme}{'.' + encoding if encoding else ''}}}{_SCHEMES[scheme](data, encoding)}"


def _bare_scheme(text: str) -> str:
    for pattern, scheme in _BARE:
        if pattern.match(text):
            return scheme
    if _FOREIGN.match(text):
        raise HashRefused(f"Dovecot does not verify this framework's format; {_INSTEAD}")
    raise HashRefused("it names no scheme: write it as {SCHEME}hash, for example {SHA512-CRYPT}$6$…")
