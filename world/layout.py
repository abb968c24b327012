"""Names and addresses of a simulated internet, all derived from its network's name and subnet."""

import ipaddress
from dataclasses import dataclass
from functools import cached_property

MX_NAME = "mx.elsewhere.test"
SHARED_NAME = "mail.inboxment.test"
# Whose mail the outside exchanger takes, and in whose name it can sign.
MX_DOMAINS = ("elsewhere.test", "strict.test", "unlisted.test", "wrongkey.test", "doublespf.test", "bare.test")
SELECTOR = "world"


@dataclass(frozen=True)
class Layout:
    """Where everything is: `.0.53` the name server, `.0.25` the outside exchanger, `.0.26` nobody,
    `.0.30` the shared mail host where there is one."""

    name: str
    subnet: ipaddress.IPv4Network

    def __post_init__(self) -> None:
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

    def container(self, role: str) -> str:
        return f"{self.name}-{role}"

    def _host(self, number: int) -> str:
        return str(self.subnet.network_address + number)
