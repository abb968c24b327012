"""Questions to name servers: one server each, values in the plain form, what went wrong as a word."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from mailtenant.dns.presentation import plain_value
from mailtenant.dns.verify import Seen

TIMEOUT = 3.0
"""Seconds for one answer."""
ATTEMPTS = 2


@dataclass
class Answers:
    """One server that is asked, with a memory for this run. `name` is shown to people."""

    address: str
    name: str
    port: int = 53
    recursive: bool = True
    _known: dict[tuple[str, str], Seen] = field(default_factory=dict)
    _silent: bool = False
    """It has not answered once: it is not waited for again in this run."""

    @classmethod
    def public(cls) -> "Answers":
        """This machine's own resolver."""
        address = str(dns.resolver.get_default_resolver().nameservers[0])
        return cls(address, address)

    @classmethod
    def at(cls, text: str, *, recursive: bool = True) -> "Answers":
        """From `address` or `address:port` (an IPv6 address with a port in brackets).

        Raises: ValueError
        """
        host, _, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "53")
        address = str(ipaddress.ip_address(host.strip("[]")))
        return cls(address, text, int(port), recursive)

    def ask(self, name: str, type_: str) -> Seen:
        """What the server says of a name and type; asked once."""
        key = (name, type_)
        if key not in self._known:
            self._known[key] = self._ask(name, type_)
        return self._known[key]

    def _ask(self, name: str, type_: str) -> Seen:
        if self._silent:
            return Seen(problem="no answer")
        try:
            query = dns.message.make_query(name, type_)
        except dns.exception.DNSException:
            return Seen(problem="no name that DNS can hold")
        if not self.recursive:
            query.flags &= ~dns.flags.RD
        try:
            answer = self._sent(query)
        except dns.exception.Timeout:
            self._silent = True
            return Seen(problem="no answer")
        except (OSError, dns.exception.DNSException) as error:
            return Seen(problem=type(error).__name__)
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return Seen(problem=dns.rcode.to_text(answer.rcode()))
        wanted = dns.rdatatype.from_text(type_)
        # Behind an alias the answer has other owner names: the last set of the type is what clients use.
        sets = [one for one in answer.answer if one.rdtype == wanted]
        aliases = [one for one in answer.answer if one.rdtype == dns.rdatatype.CNAME]
        alias = plain_value("CNAME", aliases[0][0]) if aliases else ""
        if not sets:
            return Seen(alias=alias)
        values = tuple(sorted(plain_value(type_, rdata) for rdata in sets[-1]))
        return Seen(values, int(sets[-1].ttl), alias=alias)

    def _sent(self, query: dns.message.Message) -> dns.message.Message:
        """Raises: dns.exception.Timeout after the last attempt, OSError, DNSException"""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return dns.query.udp_with_fallback(query, self.address, timeout=TIMEOUT, port=self.port)[0]
            except dns.exception.Timeout:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("each attempt ends by an answer or an error")


def authoritative(zone: str, resolver: Answers) -> Sequence[Answers]:
    """Every server of the zone (of the nearest zone above it that has some), each by its first address."""
    labels = zone.split(".")
    for depth in range(len(labels) - 1):
        name = ".".join(labels[depth:])
        hosts = resolver.ask(name, "NS").values
        found = []
        for host in hosts:
            addresses = resolver.ask(host, "A").values or resolver.ask(host, "AAAA").values
            found += [Answers(address, host, recursive=False) for address in addresses[:1]]
        if hosts:
            return found
    return []


class LiveSpf:
    """`SpfResolver` over one server."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def texts(self, name: str) -> Sequence[str] | None:
        return self._of(name, "TXT")

    def addresses(self, name: str) -> Sequence[str] | None:
        return [*(self._of(name, "A") or ()), *(self._of(name, "AAAA") or ())]

    def exchanges(self, name: str) -> Sequence[str] | None:
        found = self._of(name, "MX")
        return None if found is None else [value.partition(" ")[2] for value in found if value != "0 ."]

    def _of(self, name: str, type_: str) -> Sequence[str] | None:
        seen = self._answers.ask(name, type_)
        return None if seen.problem else seen.values
