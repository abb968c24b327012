"""Name lookups, always at the world's own name server.

The engine's embedded resolver answers reverse lookups with container names, so it must not be asked:
`install` makes dnspython, and with it pyspf, dkimpy and authheaders, ask the given server.
"""

import dns.exception
import dns.resolver
import dns.reversename


def install(nameserver: str) -> None:
    """Make `nameserver` the one that every library in this process asks."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [nameserver]
    resolver.lifetime = 8.0
    resolver.timeout = 2.0
    dns.resolver.default_resolver = resolver


def texts(name: str, kind: str) -> list[str]:
    """The records as text; an absent name or type is an empty list, a failing server an exception."""
    try:
        return [record.to_text() for record in dns.resolver.resolve(name, kind)]
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []


def addresses(host: str) -> list[str]:
    return texts(host, "A")


def mail_exchangers(domain: str) -> list[str]:
    """Host names in order of preference (RFC 5321 §5.1): the domain itself without MX, nothing at all for a null MX."""
    records = [record.split(" ", 1) for record in texts(domain, "MX")]
    hosts = [host.rstrip(".") for _, host in sorted(records, key=lambda record: int(record[0]))]
    if records:
        return [host for host in hosts if host]
    return [domain]


def reverse_name(address: str) -> str | None:
    """The PTR name of an address, without the final dot."""
    try:
        names = texts(dns.reversename.from_address(address).to_text(), "PTR")
    except dns.exception.DNSException:
        return None
    return names[0].rstrip(".") if names else None


def forward_confirmed(address: str, name: str | None) -> bool:
    """Whether the PTR name leads back to the address."""
    if name is None:
        return False
    try:
        return address in texts(name, "AAAA" if ":" in address else "A")
    except dns.exception.DNSException:
        return False
