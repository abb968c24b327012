"""What an SPF record costs and says: DNS lookups, void ones, and the verdict for an address (RFC 7208 §4.6, §5).

Answers come from a resolver of the caller's; what it does not know is counted but not followed, and a verdict that
would hang on it is `unknown`. Macros are not expanded: such a term costs its lookup and its answer is unknown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal, Protocol

from mailtenant.dns.records import Record
from mailtenant.dns.spf import SpfTerm, is_spf, parse_spf

MOST_LOOKUPS: Final = 10
MOST_VOID: Final = 2
MOST_EXCHANGES: Final = 10
COSTLY: Final = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
Verdict = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "unknown"]
_RESULTS: Final[Mapping[str, Verdict]] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
# Well above the limit, so that the figure in a message is the real one, and below what a loop would run to.
_ENOUGH: Final = 50


class SpfResolver(Protocol):
    """Answers from DNS. Names have no trailing dot.

    An empty answer is a void one (no such name, or nothing of that type there); None is "not known".
    """

    def texts(self, name: str) -> Sequence[str] | None:
        """TXT values, their strings joined."""

    def addresses(self, name: str) -> Sequence[str] | None:
        """A and AAAA."""

    def exchanges(self, name: str) -> Sequence[str] | None:
        """Hosts of the MX records."""


class RecordsResolver:
    """Answers from records at hand, and for names that they do not hold from another resolver, if there is one.

    `zones` are names that the records hold whole: what is missing there is void, not unknown.
    """

    def __init__(self, held: Iterable[Record], other: SpfResolver | None = None, zones: Iterable[str] = ()) -> None:
        self._held: dict[tuple[str, str], list[str]] = {}
        for record in held:
            self._held.setdefault((record.name, record.type), []).append(record.value)
        self._other, self._zones = other, tuple(zones)

    def texts(self, name: str) -> Sequence[str] | None:
        found = self._held.get((name.lower(), "TXT"))
        if found is None and self._other is not None:
            return self._other.texts(name)
        return self._or_void(name, found)

    def addresses(self, name: str) -> Sequence[str] | None:
        found = [*self._held.get((name.lower(), "A"), ()), *self._held.get((name.lower(), "AAAA"), ())]
        if not found and self._other is not None:
            return self._other.addresses(name)
        return self._or_void(name, found or None)

    def exchanges(self, name: str) -> Sequence[str] | None:
        found = self._held.get((name.lower(), "MX"))
        if found is None and self._other is not None:
            return self._other.exchanges(name)
        hosts = None if found is None else [value.partition(" ")[2] for value in found if value != "0 ."]
        return self._or_void(name, hosts)

    def _or_void(self, name: str, found: Sequence[str] | None) -> Sequence[str] | None:
        if found is None and any(name == zone or name.endswith(f".{zone}") for zone in self._zones):
            return ()
        return found


@dataclass
class SpfCost:
    """What the evaluation of a record may cost, every term counted as if none matched."""

    lookups: int = 0
    void: int = 0
    costliest: str = ""
    """The term of the record itself that costs most, with what it includes."""
    not_followed: list[str] = field(default_factory=list)
    """Terms whose own lookups are not in the count, for nobody knew the answer."""
    broken: list[str] = field(default_factory=list)
    """`include` and `redirect` whose target has not exactly one SPF record: evaluation ends there with permerror."""
    crowded: list[str] = field(default_factory=list)
    """`mx` terms with more than ten hosts."""

    def add(self, other: "SpfCost") -> None:
        self.lookups += other.lookups
        self.void += other.void
        self.not_followed += other.not_followed
        self.broken += other.broken
        self.crowded += other.crowded


def spf_cost(terms: Sequence[SpfTerm], domain: str, resolver: SpfResolver | None = None) -> SpfCost:
    """Lookups of a record at `domain`, through includes as far as the resolver knows them.

    Without a resolver: the record's own terms.
    """
    return _cost(terms, domain, resolver, 0)


def _cost(terms: Sequence[SpfTerm], domain: str, resolver: SpfResolver | None, before: int) -> SpfCost:
    total, dearest = SpfCost(), 0
    has_all = any(term.name == "all" for term in terms)
    for term in terms:
        if term.name not in COSTLY or (term.name == "redirect" and has_all):
            continue
        one = _term_cost(term, domain, resolver, before + total.lookups)
        total.add(one)
        if one.lookups > dearest:
            dearest, total.costliest = one.lookups, term.text
        if before + total.lookups > _ENOUGH:
            break
    return total


def _term_cost(term: SpfTerm, domain: str, resolver: SpfResolver | None, before: int) -> SpfCost:
    cost = SpfCost(lookups=1)
    name = target(term, domain)
    if resolver is None or name is None or term.name == "ptr":
        cost.not_followed += [term.text] if term.name in ("include", "redirect") else []
        return cost
    if term.name in ("include", "redirect"):
        texts = resolver.texts(name)
        if texts is None:
            cost.not_followed.append(term.text)
            return cost
        found = [text for text in texts if is_spf(text)]
        cost.void += not texts
        if len(found) != 1:
            cost.broken.append(term.text)
        elif before < _ENOUGH:
            cost.add(_cost(parse_spf(found[0]), name, resolver, before + 1))
        return cost
    if term.name == "mx":
        hosts = resolver.exchanges(name)
        cost.void += hosts is not None and not hosts
        cost.crowded += [term.text] if hosts is not None and len(hosts) > MOST_EXCHANGES else []
    else:
        addresses = resolver.addresses(name)
        cost.void += addresses is not None and not addresses
    return cost


def target(term: SpfTerm, domain: str) -> str | None:
    """The name that a term asks for; None where a macro stands."""
    name = term.argument.split("/", 1)[0] or domain
    return None if "%" in name else name.rstrip(".").lower()


def spf_verdict(
    terms: Sequence[SpfTerm], domain: str, address: IPv4Address | IPv6Address, resolver: SpfResolver | None = None
) -> Verdict:
    """What a receiver that sees mail of `domain` come from `address` would say (`check_host`, RFC 7208 §4)."""
    return _verdict(terms, domain, address, resolver, [0])


def _verdict(
    terms: Sequence[SpfTerm],
    domain: str,
    address: IPv4Address | IPv6Address,
    resolver: SpfResolver | None,
    spent: list[int],
) -> Verdict:
    for term in terms:
        if term.name in COSTLY and term.name != "redirect":
            spent[0] += 1
            if spent[0] > MOST_LOOKUPS:
                return "permerror"
        if not term.name:
            return "permerror"
        if term.is_modifier:
            continue
        matched = _matches(term, domain, address, resolver, spent)
        if matched in ("permerror", "unknown"):
            return "permerror" if matched == "permerror" else "unknown"
        if matched == "yes":
            return _RESULTS[term.qualifier]
    redirect = next((term for term in terms if term.name == "redirect"), None)
    if redirect is None:
        return "neutral"
    spent[0] += 1
    if spent[0] > MOST_LOOKUPS:
        return "permerror"
    verdict = _at(target(redirect, domain), address, resolver, spent)
    return "permerror" if verdict == "none" else verdict


def _at(
    name: str | None, address: IPv4Address | IPv6Address, resolver: SpfResolver | None, spent: list[int]
) -> Verdict:
    texts = None if resolver is None or name is None else resolver.texts(name)
    if texts is None or name is None:
        return "unknown"
    found = [text for text in texts if is_spf(text)]
    if len(found) != 1:
        return "permerror" if found else "none"
    return _verdict(parse_spf(found[0]), name, address, resolver, spent)


def _matches(
    term: SpfTerm,
    domain: str,
    address: IPv4Address | IPv6Address,
    resolver: SpfResolver | None,
    spent: list[int],
) -> Literal["yes", "no", "permerror", "unknown"]:
    if term.name == "all":
        return "yes"
    if term.name in ("ip4", "ip6"):
        try:
            network = ip_network(term.argument, strict=False)
        except ValueError:
            return "permerror"
        return "yes" if network.version == address.version and address in network else "no"
    name = target(term, domain)
    if term.name == "include":
        verdict = _at(name, address, resolver, spent)
        if verdict == "unknown":
            return "unknown"
        if verdict in ("none", "permerror"):
            return "permerror"
        return "yes" if verdict == "pass" else "no"
    if resolver is None or name is None or term.name in ("ptr", "exists"):
        return "unknown"
    hosts = resolver.exchanges(name) if term.name == "mx" else [name]
    if hosts is None:
        return "unknown"
    return _at_hosts(hosts, _prefix(term, address), address, resolver)


def _at_hosts(
    hosts: Sequence[str], prefix: int, address: IPv4Address | IPv6Address, resolver: SpfResolver
) -> Literal["yes", "no", "unknown"]:
    unknown = False
    for host in hosts[:MOST_EXCHANGES]:
        found = resolver.addresses(host)
        unknown |= found is None
        for each in found or ():
            if ip_address(each).version == address.version and address in ip_network(f"{each}/{prefix}", strict=False):
                return "yes"
    return "unknown" if unknown else "no"


def _prefix(term: SpfTerm, address: IPv4Address | IPv6Address) -> int:
    """Prefix length of `a/24`, `a//64` and `a:name/24//64` for the address's family (RFC 7208 §5.6)."""
    four, _, six = term.argument.partition("//")
    length = four.partition("/")[2] if address.version == 4 else six
    return int(length) if length.isdigit() and int(length) <= address.max_prefixlen else address.max_prefixlen
