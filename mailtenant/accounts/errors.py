"""What can go wrong with accounts, in words for the person who typed the command. Never a password, never a hash."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg


class AccountError(Exception):
    """One line: what is wrong and how to mend it."""


class AccountsUnavailable(AccountError):
    """The tenant's database cannot be reached."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with an import file. `line` counts from 1, the header included; 0 is the file as a whole."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else "file"
        return f"{place}   {self.column + ': ' if self.column else ''}{self.message}"


class ImportRefused(AccountError):
    """An import file with problems. Nothing of it was stored."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        count = len(self.problems)
        super().__init__(f"{count} problem{'' if count == 1 else 's'}, nothing was imported")


# Constraint of the schema → what the user did. Tools check most of it before; the database has the last word.
_CONSTRAINTS = {
    "mailboxes_pkey": "a mailbox of that address exists already",
    "mailboxes_address_valid": "not a valid mailbox address",
    "mailboxes_domain_known": "its domain is not one of the tenant's; add it to `domains` in the stack file",
    "mailboxes_name_valid": "the name is longer than 200 characters or holds control characters",
    "mailboxes_password_valid": "the password hash is not in the form {SCHEME}hash",
    "mailboxes_quota_positive": "the quota must be at least 1 MiB",
    "aliases_pkey": "that alias exists already",
    "aliases_address_valid": "not a valid address for an alias",
    "aliases_destination_valid": "not a valid destination address",
    "aliases_domain_known": "its domain is not one of the tenant's; add it to `domains` in the stack file",
    "aliases_not_itself": "an alias cannot point to itself",
}
_OWN_STATES = ("MTCAP", "MTREF")


def explain(error: psycopg.Error) -> AccountError:
    """The database's answer in one line. Its DETAIL is left out: it quotes rows, with their hashes."""
    diagnostics = error.diag
    if error.sqlstate in _OWN_STATES:
        hint = f"; {diagnostics.message_hint}" if diagnostics.message_hint else ""
        return AccountError(f"{diagnostics.message_primary}{hint}")
    if diagnostics.constraint_name in _CONSTRAINTS:
        return AccountError(_CONSTRAINTS[diagnostics.constraint_name])
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return AccountError(
            "another change of this tenant's accounts has been running for 20 s; try again when it is done"
        )
    if error.sqlstate is None:
        return AccountsUnavailable("the connection to the tenant's database broke; nothing was changed, try again")
    return AccountError(f"the tenant's database refused: {diagnostics.message_primary} (SQLSTATE {error.sqlstate})")
