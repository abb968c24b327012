"""Addresses as the tenant's database takes them: lower case, one narrow syntax (`mail.is_address` of the schema)."""

import re
from typing import Final

from mailtenant.accounts.errors import AccountError

_WORD: Final = r"[a-z0-9_'&+=~][a-z0-9_'&+=~-]*(?:\.[a-z0-9_'&+=~-]+)*"
_LOCAL: Final = re.compile(_WORD)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SHOWN: Final = 80


def shown(value: str) -> str:
    """A user's input, safe on a terminal line and in a table."""
    text = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    return ascii(text)[1:-1] if not text.isprintable() else text


def parse_address(value: str) -> str:
    """The address in lower case.

    Raises: AccountError saying which rule it breaks.
    """
    text = value.strip().lower()
    local, at, domain = text.rpartition("@")
    if not at:
        raise AccountError(f"{shown(value)}: not an address; write it as name@domain")
    _check_local(value, local)
    _check_domain(value, domain)
    if len(text) > 254:
        raise AccountError(f"{shown(value)}: longer than 254 characters (RFC 5321)")
    return text


def parse_mailbox_address(value: str) -> str:
    """An address that may be a mailbox: `+` separates sub-addresses, so it cannot be part of the name."""
    address = parse_address(value)
    found = re.search(r"[+=~]", address.partition("@")[0])
    if found:
        raise AccountError(
            f"{shown(value)}: a mailbox name cannot hold `{found[0]}`; every mailbox receives name+anything@ by itself"
        )
    return address


def parse_alias_address(value: str) -> str:
    """An alias's own address: a full one, or `@domain` for the catch-all."""
    text = value.strip().lower()
    if text.startswith("@"):
        _check_domain(value, text[1:])
        return text
    return parse_address(value)


def domain_of(address: str) -> str:
    """What stands behind the `@`."""
    return address.rpartition("@")[2]


def _check_local(value: str, local: str) -> None:
    if not local:
        raise AccountError(f"{shown(value)}: nothing stands before the @")
    if len(local) > 64:
        raise AccountError(f"{shown(value)}: more than 64 characters before the @ (RFC 5321)")
    if not local.isascii():
        raise AccountError(f"{shown(value)}: letters beyond a-z are not supported before the @")
    if not _LOCAL.fullmatch(local):
        raise AccountError(
            f"{shown(value)}: before the @ stand a-z, 0-9 and . _ - ' & + = ~, no leading - and no dot at an end"
        )


def _check_domain(value: str, domain: str) -> None:
    if not domain.isascii():
        raise AccountError(f"{shown(value)}: write the domain in its xn-- form")
    labels = domain.split(".")
    if len(domain) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise AccountError(f"{shown(value)}: not a domain behind the @")
