"""An import against what the tenant has: all that would stop it is found before anything is hashed or stored."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mailtenant.accounts.address import domain_of
from mailtenant.accounts.csv_import import ImportFile, MailboxRow
from mailtenant.accounts.errors import Problem
from mailtenant.accounts.model import Alias, NewMailbox, Usage
from mailtenant.accounts.passwords import hash_passwords


@dataclass(frozen=True)
class Present:
    """What exists before the import."""

    mailboxes: frozenset[str]
    roles: frozenset[str]
    aliases: frozenset[tuple[str, str]]
    usage: Usage


def conflicts(file: ImportFile, present: Present) -> list[Problem]:
    """Addresses that are taken, aliases that lead nowhere, limits that would be passed. Pure."""
    made = {row.address for row in file.mailboxes}
    aliased = {address for address, _ in present.aliases} | {row.address for row in file.aliases}
    domains = {domain.name for domain in present.usage.domains if domain.active}
    problems = [Problem(row.line, "address", why) for row in file.mailboxes if (why := _taken(row, present))]
    for alias in file.aliases:
        target = _base(alias.destination)
        if alias.address in made or alias.address in present.mailboxes:
            problems.append(
                Problem(alias.line, "aliases", f"{alias.address} is a mailbox; an address is either that or an alias")
            )
        elif (alias.address, alias.destination) in present.aliases:
            problems.append(Problem(alias.line, "aliases", f"{alias.address} for {alias.destination} exists already"))
        elif domain_of(target) in domains and not (
            target in made or target in present.mailboxes | present.roles or target in aliased or _builtin(target)
        ):
            problems.append(Problem(alias.line, "forward_to", f"{alias.destination} does not exist here"))
    return [*problems, *_capacity(file, present.usage)]


def _taken(row: MailboxRow, present: Present) -> str | None:
    if row.address in present.mailboxes:
        return f"{row.address} exists already"
    if row.address in present.roles:
        return f"{row.address} is the built-in postmaster mailbox; set its password with `mailbox passwd`"
    targets = sorted(destination for address, destination in present.aliases if address == row.address)
    return f"{row.address} is already an alias for {', '.join(targets)}" if targets else None


def _capacity(file: ImportFile, usage: Usage) -> Iterable[Problem]:
    total = usage.mailboxes + len(file.mailboxes)
    if total > usage.mailboxes_allowed:
        yield Problem(
            0,
            "",
            f"would make {total} mailboxes; capacity.mailboxes is {usage.mailboxes_allowed}: raise it",
        )
    quotas = sum(usage.default_quota_mib if row.quota_mib is None else row.quota_mib for row in file.mailboxes)
    promised = usage.storage_promised_mib + quotas
    if promised > usage.storage_mib:
        yield Problem(
            0,
            "quota_mib",
            f"the quotas of all mailboxes would sum to {promised} MiB; capacity.storage_gib allows "
            f"{usage.storage_mib} MiB: raise it, or give smaller quotas",
        )


def _base(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _builtin(address: str) -> bool:
    return address.partition("@")[0] in ("postmaster", "abuse")


def with_hashes(file: ImportFile, advance: Callable[[], None] = lambda: None) -> tuple[list[NewMailbox], list[Alias]]:
    """The rows as they are stored. `advance` is called for each password that is hashed."""
    plain = [row for row in file.mailboxes if row.password_hash is None]
    hashed = dict(
        zip((row.address for row in plain), hash_passwords([row.password or "" for row in plain], advance), strict=True)
    )
    mailboxes = [
        NewMailbox(row.address, row.password_hash or hashed[row.address], row.quota_mib, row.name)
        for row in file.mailboxes
    ]
    return mailboxes, [Alias(row.address, row.destination) for row in file.aliases]
