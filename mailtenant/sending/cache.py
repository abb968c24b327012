"""Reads the filter's counters out of the tenant's cache."""

from collections.abc import Mapping, Sequence
from typing import Final

from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.errors import AccountsUnavailable

# The password stays inside: valkey-cli takes it from its environment, not from the command line.
_READ: Final = "REDISCLI_AUTH=$(head -n 1 /run/secrets-in/cache.password) exec valkey-cli --no-auth-warning"
_USER: Final = "5006:5006"


def read_counters(engine: TenantEngine, keys: Sequence[str]) -> Mapping[str, int]:
    """Key → its value, 0 where the cache has none.

    Raises: AccountsUnavailable, if the cache does not answer.
    """
    answer = engine.run("cache", ["sh", "-c", _READ], user=_USER, stdin="".join(f"GET {_quoted(k)}\n" for k in keys))
    values = answer.splitlines()
    if len(values) != len(keys) or any(value and not value.isdigit() for value in values):
        raise AccountsUnavailable(
            f"the cache of {engine.label} does not answer; see: docker logs {engine.container('cache')}"
        )
    return {key: int(value or 0) for key, value in zip(keys, values, strict=True)}


def _quoted(key: str) -> str:
    """For valkey-cli's reader of lines: in double quotes, all but plain characters as `\\xHH`."""
    plain = "abcdefghijklmnopqrstuvwxyz0123456789.:@_-"
    return '"' + "".join(c if c in plain else f"\\x{c.encode()[0]:02x}" for c in key) + '"'
