"""The encrypted half of a stack file, judged without any value: is each leaf there, and is it encrypted?"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailtenant.settings.errors import Problem, dotted
from mailtenant.settings.model import BASE_SECRETS, PROVIDER_SECRETS, TenantSettings

SECRETS = "mailtenant:secrets"
_PROVIDERS_OWN = {name for names in PROVIDER_SECRETS.values() for name in names}
_KNOWN = {*BASE_SECRETS, "tlsWebKey", "tlsNodesKey", "platformCloudflareToken", "dkim", *_PROVIDERS_OWN}
_SHOWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def is_encrypted(value: object) -> bool:
    """Whether a value has the form that Pulumi gives to an encrypted one."""
    return (
        isinstance(value, Mapping)
        and list(value) == ["secure"]
        and isinstance(value["secure"], str)
        and value["secure"] != ""
    )


def encrypted_leaves(secrets: object) -> frozenset[tuple[str, ...]]:
    """Paths of the encrypted leaves."""
    return frozenset(path for path, value in _leaves(secrets, ()) if is_encrypted(value))


def secrets_problems(secrets: object, settings: TenantSettings | None, file: str) -> Iterator[Problem]:
    """Leaves in clear, leaves that nothing reads, and (with the settings) leaves that are missing."""
    if is_encrypted(secrets):
        yield Problem(
            file, SECRETS, "is encrypted as a whole", "encrypt each value by itself, so that a change of one shows"
        )
        return
    if secrets is not None and not isinstance(secrets, Mapping):
        yield Problem(file, SECRETS, "is not a table of secrets", "`mailtenant new` shows what it holds")
        return
    for path, value in _leaves(secrets, ()):
        where = _shown(path)
        if path[0] not in _KNOWN:
            yield Problem(file, where, "is not a known secret", "remove it")
        elif not is_encrypted(value):
            yield Problem(
                file, where, "is not encrypted", f"make a new one, since this was seen, and set it: {set_command(path)}"
            )
    there = {path for path, _ in _leaves(secrets, ())}
    needed = settings.secret_leaves() if settings else [(name,) for name in BASE_SECRETS]
    yield from (_missing(path, file) for path in needed if path not in there)


def _missing(path: tuple[str, ...], file: str) -> Problem:
    provider = next((p for p, names in PROVIDER_SECRETS.items() if path[0] in names), None)
    message = f"is missing: provider `{provider}` needs it" if provider else "is missing"
    return Problem(file, _shown(path), message, set_command(path))


def set_command(path: Sequence[str]) -> str:
    """The command that sets a secret; it asks for the value, so that no shell history holds it."""
    return f"pulumi config set --secret --path '{_shown(path)}'"


def quoted_path(path: Sequence[str]) -> str:
    """The path as `pulumi config --path` wants it."""
    return dotted([SECRETS, *path])


def _shown(path: Sequence[str]) -> str:
    return dotted([SECRETS, *(part if _SHOWN.fullmatch(part) else "…" for part in path)])


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and not is_encrypted(value) and (not path or path[0] == "dkim") and len(path) < 3:
        for key, below in value.items():
            yield from _leaves(below, (*path, str(key)))
    elif path:
        yield path, value
