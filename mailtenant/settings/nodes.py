"""How many mail servers (Postfix) a tenant has, and where those beyond the first stand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from pydantic import field_validator

from mailtenant.certificates import CertificateError, chain_faults, load_chain
from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import Address, Address6, Count
from mailtenant.settings.places import EdgeSettings

MOST_NODES = 8
_FIRST_INTERNAL = 4  # node 2 has .6: the addresses below are those of edge, database, filter and cache


class Nodes(Settings):
    """Mail servers of equal MX preference. Places may be listed ahead: then `smtp` is the one number to change."""

    smtp: Count = setting(
        "mail servers; one that goes is emptied first: what it cannot deliver moves to the first one's queue",
        Effect.IN_PLACE,
        default=1,
        ge=1,
        le=MOST_NODES,
    )
    addresses: tuple[Address, ...] = setting(
        "addresses of the second and further ones, on the network of `edge`", Effect.REPLACE, default=(), max_length=7
    )
    addresses6: tuple[Address6, ...] = setting(
        "IPv6 addresses of the second and further ones, where `edge.address6` is set",
        Effect.REPLACE,
        default=(),
        max_length=7,
    )
    publish: tuple[Address, ...] = setting(
        "loopback addresses of the second and further ones, where `publish` is set",
        Effect.REPLACE,
        default=(),
        max_length=7,
    )
    chain: str | None = setting(
        "certificate of their names (mx2.<host>, mx3.<host> …), PEM, the leaf first; `mailtenant nodes` issues it",
        Effect.RESTART,
        default=None,
    )

    @field_validator("chain")
    @classmethod
    def _is_a_chain(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                load_chain(value)
            except CertificateError as error:
                raise Refusal(str(error), "paste the certificate, from BEGIN to END CERTIFICATE") from None
        return value

    @field_validator("addresses", "addresses6", "publish")
    @classmethod
    def _differ(cls, value: tuple[IPv4Address | IPv6Address, ...]) -> tuple[IPv4Address | IPv6Address, ...]:
        for i, address in enumerate(value):
            if address in value[:i]:
                raise Refusal("is there twice", "give each node an address of its own", (i,))
        return value


@dataclass(frozen=True)
class Node:
    """One mail server. `number` 1 is the one that clients use; `host` is its EHLO name and the name of its PTRs.

    `address6` None: it has no IPv6, and Postfix uses none.
    """

    number: int
    host: str
    address: IPv4Address
    internal: str
    publish: IPv4Address | None
    address6: IPv6Address | None = None

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """All that mail comes to and leaves from."""
        return (self.address,) if self.address6 is None else (self.address, self.address6)

    @property
    def suffix(self) -> str:
        """Ends the names of what belongs to this node alone; the first one's bear none."""
        return "" if self.number == 1 else f"-{self.number}"


def further_node(number: int, host: str, subnet: object, nodes: Nodes, *, published: bool) -> Node:
    """Node `number`, from 2 on. `subnet` is the tenant's inner IPv4Network."""
    place = number - 2
    publish = nodes.publish[place] if published and place < len(nodes.publish) else None
    internal = str(subnet[_FIRST_INTERNAL + number])  # type: ignore[index]
    address6 = nodes.addresses6[place] if nodes.addresses6 else None
    return Node(number, f"mx{number}.{host}", nodes.addresses[place], internal, publish, address6)


def node_faults(nodes: Nodes, data: Mapping[str, Any]) -> list[Refusal]:
    """Each further node needs an address, a name in the certificate, and what nobody else of the tenant has."""
    found = []
    wanted, edge, internal, publish = nodes.smtp - 1, data.get("edge"), data.get("internal"), data.get("publish")
    if len(nodes.addresses) < wanted:
        found.append(
            Refusal(
                f"{nodes.smtp} nodes need {wanted} further addresses, and {len(nodes.addresses)} are listed",
                "list free ones of the edge network in `nodes.addresses`",
                ("addresses",),
            )
        )
    for i, address in enumerate(nodes.addresses):
        if edge and address in (edge.address, edge.dns):
            found.append(Refusal("is an address of `edge`", "take a free one of that network", ("addresses", i)))
        if internal and address in internal.subnet:
            found.append(Refusal("is in the inner network", "take one of the edge network", ("addresses", i)))
    found += _node_faults6(nodes, edge)
    for i, address in enumerate(nodes.publish):
        if not address.is_loopback or address == publish:
            found.append(Refusal("is no free loopback address", "take another one of 127.0.0.0/8", ("publish", i)))
    if publish and 0 < len(nodes.publish) < wanted:
        found.append(Refusal(f"{wanted} further nodes are to be published", "list as many, or none", ("publish",)))
    tls = data.get("tls")
    if wanted and tls and "label" in data and "platform_domain" in data:
        host = f"{data['label']}.{data['platform_domain']}"
        fix = f"`mailtenant nodes {data['label']} --smtp {nodes.smtp}` issues it"
        if nodes.chain is None:
            found.append(Refusal("is missing", fix, ("chain",)))
        elif any(list(chain_faults(nodes.chain, tls.ca, f"mx{number}.{host}")) for number in range(2, nodes.smtp + 1)):
            found.append(Refusal("does not cover the name of every node", fix, ("chain",)))
    return found


def _node_faults6(nodes: Nodes, edge: EdgeSettings | None) -> Iterator[Refusal]:
    """With IPv6 every mail server has it: else MX hosts of one preference would differ in who can reach them."""
    if edge is None:
        return
    if edge.address6 is None:
        if nodes.addresses6:
            fix = "set the first one's as well, or leave these out"
            yield Refusal("are listed, and `edge.address6` is missing", fix, ("addresses6",))
        return
    if len(nodes.addresses6) < nodes.smtp - 1:
        yield Refusal(
            f"{nodes.smtp} nodes need {nodes.smtp - 1} further IPv6 addresses, and {len(nodes.addresses6)} are listed",
            "list free ones of the edge network in `nodes.addresses6`",
            ("addresses6",),
        )
    for i, address in enumerate(nodes.addresses6):
        if address == edge.address6:
            yield Refusal("is an address of `edge`", "take a free one of that network", ("addresses6", i))
