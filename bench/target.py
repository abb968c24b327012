"""A mail server under load, as a client sees it, and the containers that it is made of."""

import ssl
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Mailbox:
    """An address that can log in."""

    address: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Target:
    """465 and 993 of `address`, a loopback address; the certificate is for `host`, signed by `ca` (PEM)."""

    name: str
    address: str
    host: str
    ca: str = field(repr=False)
    mailboxes: tuple[Mailbox, ...]
    containers: tuple[str, ...]
    log_container: str

    def tls(self) -> ssl.SSLContext:
        """Trusts this server's CA and nothing else."""
        context = ssl.create_default_context(cadata=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context
