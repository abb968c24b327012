"""What the container is told by its environment."""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

SELECTOR = "world"
SMTP_PORT = 25
API_PORT = 8025


@dataclass(frozen=True)
class Settings:
    """Names and places of this exchanger."""

    host: str  # its name in greeting, EHLO and certificate
    dns: str  # address of the name server of the simulated internet
    subnet: ipaddress.IPv4Network  # nothing outside it (and `subnet6`) is ever contacted
    domains: tuple[str, ...]  # whose mail it takes and may sign
    state: Path
    subnet6: ipaddress.IPv6Network | None = None

    def holds(self, address: str) -> bool:
        """Whether an address is in the simulated internet. Raises: ValueError for what is no address."""
        found = ipaddress.ip_address(address)
        return found in self.subnet or (self.subnet6 is not None and found in self.subnet6)

    @property
    def echo_address(self) -> str:
        return f"echo@{self.domains[0]}"

    @property
    def dkim_key(self) -> Path:
        return self.state / "dkim.key"

    @property
    def certificate(self) -> Path:
        return self.state / "tls.pem"


def from_environment() -> Settings:
    return Settings(
        host=os.environ["MX_HOST"],
        dns=os.environ["MX_DNS"],
        subnet=ipaddress.IPv4Network(os.environ["MX_SUBNET"]),
        domains=tuple(os.environ["MX_DOMAINS"].split()),
        state=Path("/state"),
        subnet6=ipaddress.IPv6Network(os.environ["MX_SUBNET6"]) if "MX_SUBNET6" in os.environ else None,
    )
