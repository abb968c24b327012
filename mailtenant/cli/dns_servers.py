"""Whom the DNS commands ask."""

from collections.abc import Sequence
from typing import Annotated

import typer

from mailtenant.cli import output
from mailtenant.dns.lookup import Answers, authoritative
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
    """A tenant whose names are not on the internet is asked for at its own server alone."""
    return () if own_server(stack_file) else PUBLIC_RESOLVERS


def own_server(stack_file: StackFile) -> Sequence[str]:
    """The tenant's own authoritative server, where it serves its host's zone."""
    settings = stack_file.settings
    return (str(settings.edge.address),) if settings.platform_dns.provider == "local" else ()


def asked(
    stack_file: StackFile, zone: str, resolvers: Sequence[str] | None, servers: Sequence[str] | None
) -> list[Answers]:
    """Every authoritative server of a zone, then the resolvers.

    Raises: CommandError
    """
    try:
        resolving = [Answers.at(text) for text in resolvers or default_resolvers(stack_file)]
        fixed = [Answers.at(text, recursive=False) for text in servers or own_server(stack_file)]
    except ValueError:
        raise output.CommandError("a resolver or server is an IP address, with `:port` if it is not 53") from None
    return [*(fixed or authoritative(zone, resolving[0])), *resolving]
