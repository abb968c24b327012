"""An import against what the tenant has: all that would stop it is found before anything is hashed or stored."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from mailtenant.accounts.address import domain_of
from mailtenant.accounts.alias_ways import AliasWays, without_tag
from mailtenant.accounts.csv_import import ImportFile, MailboxRow
from mailtenant.accounts.errors import Problem
from mailtenant.accounts.model import Alias, NewMailbox, Usage
from mailtenant.accounts.passwords import hash_passwords

BUILTIN: Final = ("postmaster", "abuse")
"""Every domain has these, as aliases for the built-in mailbox where nobody has given them anything else."""


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
        target = without_tag(alias.destination)
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
    return [*problems, *_ways(file, present, domains), *_capacity(file, present.usage)]


def _taken(row: MailboxRow, present: Present) -> str | None:
    if row.address in present.mailboxes:
        return f"{row.address} exists already"
    if row.address in present.roles:
        return f"{row.address} is the built-in postmaster mailbox; set its password with `mailbox passwd`"
    targets = sorted(destination for address, destination in present.aliases if address == row.address)
    return f"{row.address} is already an alias for {', '.join(targets)}" if targets else None


def _ways(file: ImportFile, present: Present, domains: Collection[str]) -> Iterable[Problem]:
    """Aliases that would lead in a circle, or further than Postfix goes; each circle once, at its first line."""
    made = {row.address for row in file.mailboxes}
    stored = {*present.aliases, *((row.address, row.destination) for row in file.aliases)}
    taken = {*made, *present.mailboxes, *present.roles, *(address for address, _ in stored)}
    builtin = {(f"{part}@{domain}", home) for part in BUILTIN for domain in domains for home in present.roles}
    ways = AliasWays(
        [*sorted(stored), *sorted(one for one in builtin if one[0] not in taken)],
        {*made, *present.mailboxes, *present.roles},
    )
    lines: dict[str, int] = {}
    for row in file.aliases:
        lines.setdefault(row.address, row.line)
    seen: set[str] = set()
    for address, line in lines.items():
        for alias in ways.leading_to([address]):
            if alias not in seen and (problem := ways.problem(alias)):
                seen |= {alias, *ways.leading_to([alias])}
                yield Problem(lines.get(alias, line), "forward_to", problem)
            seen.add(alias)


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


def _builtin(address: str) -> bool:
    return address.partition("@")[0] in BUILTIN


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
