"""How many mail servers (Postfix) a tenant has, and where those beyond the first stand."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from pydantic import field_validator

from mailtenant.certificates import CertificateError, load_chain
from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import Address, Address6, Count

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
