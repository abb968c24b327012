"""Names and addresses of a simulated internet, all derived from its network's name and subnet."""

import ipaddress
from dataclasses import dataclass
from functools import cached_property

MX_NAME = "mx.elsewhere.test"
SHARED_NAME = "mail.inboxment.test"
MX6_NAME = "mx6.elsewhere.test"
"""The outside exchanger's IPv6 address alone, in a world that has IPv6."""
# Whose mail the outside exchanger takes, and in whose name it can sign.
MX_DOMAINS = ("elsewhere.test", "strict.test", "unlisted.test", "wrongkey.test", "doublespf.test", "bare.test")
IPV6_DOMAIN = "v6only.test"
"""A domain whose mail can only be delivered by IPv6, in a world that has it."""
SELECTOR = "world"


@dataclass(frozen=True)
class Layout:
    """Where everything is: `.0.53` the name server, `.0.25` the outside exchanger, `.0.26` nobody,
    `.0.30` the shared mail host where there is one. In a world with IPv6 (`subnet6`) the exchanger has `::25` as well.
    """

    name: str
    subnet: ipaddress.IPv4Network
    subnet6: ipaddress.IPv6Network | None = None

    def __post_init__(self) -> None:
        if self.subnet6 is not None and self.subnet6.prefixlen % 4:
            raise ValueError(f"subnet {self.subnet6}: its length must be one of whole hexadecimal digits")
        if self.subnet.prefixlen not in (8, 16, 24):
            raise ValueError(f"subnet {self.subnet}: use /8, /16 or /24, so that it is one reverse zone")

    @property
    def gateway(self) -> str:
        return self._host(1)

    @property
    def dns(self) -> str:
        return self._host(53)

    @property
    def mx(self) -> str:
        return self._host(25)

    @property
    def mx6(self) -> str | None:
        return str(self.subnet6[0x25]) if self.subnet6 else None

    @property
    def gateway6(self) -> str | None:
        return str(self.subnet6[1]) if self.subnet6 else None

    @property
    def mx_domains(self) -> tuple[str, ...]:
        """Whose mail the outside exchanger takes here."""
        return (*MX_DOMAINS, IPV6_DOMAIN) if self.subnet6 else MX_DOMAINS

    @property
    def silent(self) -> str:
        """An address that nothing ever has: connections to it get no answer."""
        return self._host(26)

    @property
    def shared(self) -> str:
        return self._host(30)

    @cached_property
    def reverse_zone(self) -> str:
        octets = str(self.subnet.network_address).split(".")[: self.subnet.prefixlen // 8]
        return ".".join([*reversed(octets), "in-addr", "arpa"])

    @cached_property
    def reverse_zone6(self) -> str | None:
        if self.subnet6 is None:
            return None
        digits = self.subnet6.prefixlen // 4
        return self.subnet6.network_address.reverse_pointer.split(".", 32 - digits)[-1]

    def container(self, role: str) -> str:
        return f"{self.name}-{role}"

    def _host(self, number: int) -> str:
        return str(self.subnet.network_address + number)
