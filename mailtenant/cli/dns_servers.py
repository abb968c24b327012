"""Whom the DNS commands ask."""

from collections.abc import Sequence
from typing import Annotated

import typer

from mailtenant.cli import output
from mailtenant.dns.lookup import Answers, LiveSpf, authoritative
from mailtenant.dns.spf_check import SpfResolver
from mailtenant.settings import StackFile

PUBLIC_RESOLVERS = ("1.1.1.1", "8.8.8.8")

ResolverOption = Annotated[
    list[str] | None, typer.Option("--resolver", help="whom to ask as a resolver (address or address:port); may repeat")
]
ServerOption = Annotated[
    list[str] | None,
    typer.Option("--server", help="ask these as the authoritative servers, instead of those that DNS names"),
]


def default_resolvers(stack_file: StackFile) -> Sequence[str]:
    """Public ones; for a tenant whose names are not on the internet the one that it asks itself, if it has one."""
    settings = stack_file.settings
    if settings.platform_dns.provider == "local":
        return (str(settings.edge.dns),) if settings.edge.dns else ()
    return PUBLIC_RESOLVERS


def own_server(stack_file: StackFile, zone: str) -> Sequence[str]:
    """The tenant's own authoritative server, if it serves the zone."""
    settings = stack_file.settings
    served = {domain.name: domain.dns.provider for domain in settings.domains}
    served[settings.host] = settings.platform_dns.provider
    return (str(settings.edge.address),) if served.get(zone) == "local" else ()


def resolving(stack_file: StackFile, resolvers: Sequence[str] | None) -> list[Answers]:
    """The resolvers to ask.

    Raises: CommandError
    """
    return _at(resolvers or default_resolvers(stack_file), recursive=True)


def live_spf(stack_file: StackFile, resolvers: Sequence[str] | None) -> SpfResolver:
    """Follows SPF includes of others, by the first resolver that answers; what none knows is not followed.

    Raises: CommandError
    """
    tried = [*resolving(stack_file, resolvers), *([] if resolvers else [Answers.public()])]
    return LiveSpf(
        next((one for one in tried if not one.ask(stack_file.settings.platform_domain, "NS").problem), tried[0])
    )


def asked(
    stack_file: StackFile, zone: str, resolvers: Sequence[str] | None, servers: Sequence[str] | None
) -> list[Answers]:
    """Every authoritative server of a zone, then the resolvers. Without the former: the zone cannot be judged.

    Raises: CommandError
    """
    recursive = resolving(stack_file, resolvers)
    fixed: Sequence[Answers] = _at(servers or own_server(stack_file, zone), recursive=False)
    if not fixed:
        found = (authoritative(zone, resolver) for resolver in recursive or [Answers.public()])
        fixed = next((each for each in found if each), [])
    return [*fixed, *recursive]


def _at(texts: Sequence[str], *, recursive: bool) -> list[Answers]:
    try:
        return [Answers.at(text, recursive=recursive) for text in texts]
    except ValueError:
        raise output.CommandError("a resolver or server is an IP address, with `:port` if it is not 53") from None
