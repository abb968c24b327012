"""A customer's accounts from the files of a shared host: a Dovecot passwd-file and a Postfix table of aliases. Pure."""

import re
from collections.abc import Collection, Iterator
from typing import Final

from mailtenant.accounts.address import parse_alias_address
from mailtenant.accounts.errors import AccountError
from mailtenant.accounts.model import MIB, Alias, StoredMailbox
from mailtenant.accounts.schemes import HashRefused, check_hash
from mailtenant.migration.sides import CustomerAccounts, SideError

_UNITS: Final = {"": 1, "B": 1, "K": 1024, "M": MIB, "G": 1024 * MIB, "T": 1024 * 1024 * MIB}
_QUOTA: Final = re.compile(r"(?:^|\s)userdb_quota_storage_size=(\d+)\s*([BKMGT]?)B?(?:\s|$)", re.IGNORECASE)


def customer_accounts(users: str, aliases: str, domains: Collection[str]) -> CustomerAccounts:
    """All accounts of the customer.

    Raises: SideError naming every line that cannot be read and every hash that a tenant's Dovecot does not verify.
    """
    problems: list[str] = []
    mailboxes = tuple(_mailboxes(users, domains, problems))
    own = {mailbox.address for mailbox in mailboxes}
    found = tuple(a for a in _aliases(aliases, domains, problems) if not (a.address == a.destination in own))
    if problems:
        raise SideError("accounts on the shared host: " + "; ".join(problems))
    return CustomerAccounts(mailboxes, found)


def _mailboxes(text: str, domains: Collection[str], problems: list[str]) -> Iterator[StoredMailbox]:
    """`user:password:uid:gid:(gecos):home:(shell):extra` (Dovecot manual, passwd-file)."""
    for number, line in _lines(text):
        fields = line.split(":", 7)
        address = fields[0].lower()
        if address.rpartition("@")[2] not in domains:
            problems.append(f"line {number}: the user is of none of the customer's domains")
            continue
        password = fields[1] if len(fields) > 1 else ""
        try:
            stored = check_hash(password) if password else None
        except HashRefused as refused:
            problems.append(f"{address}: {refused}")
            continue
        name = fields[4] if len(fields) > 4 else ""
        yield StoredMailbox(address, stored, _quota(fields[7] if len(fields) > 7 else ""), name)


def _quota(extra: str) -> int | None:
    """MiB, rounded up so that what fits there fits here; None: no limit of its own there."""
    found = _QUOTA.search(extra)
    if not found or not (octets := int(found[1]) * _UNITS[found[2].upper()]):
        return None
    return -(-octets // MIB)


def _aliases(text: str, domains: Collection[str], problems: list[str]) -> Iterator[Alias]:
    """`address destination, destination` (virtual(5)); lines that begin with white space go on from the one before."""
    for number, line in _lines(re.sub(r"\n[ \t]+", " ", text)):
        key, _, rest = line.partition(" ") if " " in line else line.partition("\t")
        if key.rpartition("@")[2].lower() not in domains:
            continue
        try:
            address = parse_alias_address(key)
        except AccountError as error:
            problems.append(f"alias in line {number}: {error}")
            continue
        for destination in filter(None, re.split(r"[,\s]+", rest)):
            target = destination.lower()
            if "@" not in target:
                problems.append(f"alias {address}: its destination is not a whole address")
                continue
            yield Alias(address, target)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.rstrip("\r")
