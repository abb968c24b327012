"""Edits of a shared host's tables for one mailbox: texts in, texts out. Others' lines stay octet for octet. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

# A line that begins with white space goes on from the one before (postmap(5)).
_ENTRY: Final = re.compile(r"[^\n]*(?:\n[ \t]+[^\n]*)*\n?")


def user_names(text: str) -> dict[str, str]:
    """Address → the person's name, of a Dovecot passwd-file."""
    return {_user(line): (line.split(":") + [""] * 5)[4] for line in _lines(text) if _user(line)}


def with_user(text: str, address: str, password_hash: str, name: str) -> str:
    """With the user, who has that password from then on; a new one has no quota of its own. A colon ends a field."""
    if address in user_names(text):
        return with_password(text, address, password_hash)
    return _ended(text) + f"{address}:{password_hash}:::{name.replace(':', ' ')}:::\n"


def with_password(text: str, address: str, password_hash: str) -> str:
    """The user must be there."""

    def changed(line: str) -> str:
        user, _, rest = line.rstrip("\n").partition(":")
        return ":".join((user, password_hash, *rest.split(":")[1:])) + "\n"

    return "".join(changed(line) if _user(line) == address else line for line in _lines(text))


def without_user(text: str, address: str) -> str:
    return "".join(line for line in _lines(text) if _user(line) != address)


def with_key(text: str, key: str, value: str) -> str:
    """A table of Postfix with `key value`, unless it has the key."""
    return text if key in keys(text) else _ended(text) + f"{key} {value}\n"


def without_key(text: str, key: str) -> str:
    return "".join(entry for entry in _entries(text) if _key(entry) != key)


def keys(text: str) -> dict[str, list[str]]:
    """Key → its values."""
    return {_key(entry): _values(entry) for entry in _entries(text) if _key(entry)}


def without_value(text: str, value: str, domains: Collection[str]) -> str:
    """No key of these domains has that value any more; a key without values goes."""

    def changed(entry: str) -> str:
        values, key = _values(entry), _key(entry)
        if key.rpartition("@")[2] not in domains or value not in values:
            return entry
        left = [one for one in values if one != value]
        return f"{key} {', '.join(left)}\n" if left else ""

    return "".join(map(changed, _entries(text)))


def _user(line: str) -> str:
    return "" if line.startswith("#") else line.split(":", 1)[0].strip().lower()


def _lines(text: str) -> Iterable[str]:
    return text.splitlines(keepends=True)


def _entries(text: str) -> Iterator[str]:
    return (found[0] for found in _ENTRY.finditer(text) if found[0])


def _key(entry: str) -> str:
    return "" if entry.startswith("#") or not entry.strip() else entry.split()[0].lower()


def _values(entry: str) -> list[str]:
    return [] if not _key(entry) else [one.lower() for one in re.split(r"[,\s]+", entry)[1:] if one]


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
