"""What `mailtenant new` proposes: a label, free addresses, the whole document. Pure: keys and neighbours come in."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import check_label
from mailtenant.settings.stackfile import StackFile

SELECTOR: Final = "mt1"


@dataclass(frozen=True)
class Place:
    """Where tenants go unless told otherwise. `first_publish` None: ports are not published."""

    network: str | None
    edge_pool: IPv4Network | None
    first_edge: IPv4Address | None
    dns: IPv4Address | None
    internal_pool: IPv4Network
    first_publish: IPv4Address | None
    platform_domain: str
    provider: str


EMBEDDED: Final = Place(
    network="mailtenant-world",
    edge_pool=IPv4Network("10.99.0.0/16"),
    first_edge=IPv4Address("10.99.1.10"),
    dns=IPv4Address("10.99.0.53"),
    internal_pool=IPv4Network("10.98.0.0/16"),
    first_publish=IPv4Address("127.0.1.1"),
    platform_domain="outboxment.test",
    provider="local",
)
HOSTED: Final = Place(None, None, None, None, IPv4Network("10.98.0.0/16"), None, "outboxment.com", "manual")


@dataclass(frozen=True)
class Wishes:
    """What the person asked for; None: not said."""

    label: str
    domains: Sequence[str]
    organisation: str | None = None
    contact_name: str | None = None
    contact_email: str | None = None
    platform_domain: str | None = None
    edge_network: str | None = None
    edge_address: str | None = None
    edge_address6: str | None = None
    edge_dns: str | None = None
    publish: str | None = None
    internal_subnet: str | None = None
    provider: str | None = None
    release: str = ""
    place: Place = field(default=HOSTED)

    @property
    def host(self) -> str:
        return f"{self.label}.{self.platform_domain or self.place.platform_domain}"


@dataclass(frozen=True)
class PublicHalves:
    """What the document holds of the keys: `dkim` maps a domain (or the host) to its `p=` value."""

    ca: str
    chain: str
    web_chain: str
    dkim: dict[str, str]


def propose_label(names: Iterable[str], taken: Collection[str]) -> str | None:
    """A label from an organisation or a domain: `Acme GmbH` → `acme`; if that is taken, `acme-2`. Same in, same out.

    A name that makes no label, or a reserved one (`Mail`), is passed over for the next: `mail-2` would read like ours.
    """
    for name in names:
        base = _slug(name)
        if not _is_label(base):
            continue
        for number in range(1, 100):
            label = base if number == 1 else f"{base[:60]}-{number}"
            if label not in taken and _is_label(label):
                return label
    return None


_FORMS: Final = re.compile(
    r"[-](?:gmbh|ag|kg|ug|se|ltd|limited|llc|llp|inc|corp|co|plc|sa|sas|sarl|srl|spa|bv|nv|ab|as|oy|pty)(?=-|$)"
)


def _slug(name: str) -> str:
    name = name.strip().lower()
    if re.fullmatch(r"[a-z0-9.-]+\.[a-z0-9-]+", name):  # a domain: its first part
        name = name.split(".")[0]
    plain = (
        unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("&", " and ")).encode("ascii", "ignore").decode()
    )
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return _FORMS.sub("", slug)[:63].strip("-")


def _is_label(text: str) -> bool:
    try:
        check_label(text)
    except Refusal:
        return False
    return True


def propose_document(wishes: Wishes, others: Sequence[StackFile], keys: PublicHalves) -> dict[str, Any]:
    """The tenant document, complete.

    Raises: Refusal, if something must be said and was not, or a pool is full.
    """
    place = wishes.place
    network = wishes.edge_network or place.network
    if network is None:
        raise Refusal("no edge network is named", "name the engine's network with --edge-network (or use --embedded)")
    provider = wishes.provider or place.provider
    edge: dict[str, Any] = {"network": network, "address": wishes.edge_address or _free_edge(place, network, others)}
    if wishes.edge_address6:
        edge["address6"] = wishes.edge_address6
    if dns := wishes.edge_dns or (place.dns and str(place.dns)):
        edge["dns"] = dns
    document: dict[str, Any] = {
        "schema": 1,
        "release": wishes.release,
        "label": wishes.label,
        "organisation": wishes.organisation or wishes.label,
        "contact": {
            "name": wishes.contact_name or "Postmaster",
            "email": wishes.contact_email or f"postmaster@{wishes.domains[0]}",
        },
        "platform": "docker",
        "platform_domain": wishes.platform_domain or place.platform_domain,
        "platform_dns": {"provider": "local" if provider == "local" else "manual"},
        "profile": "single",
        "edge": edge,
        "internal": {"subnet": wishes.internal_subnet or _free_subnet(place, others)},
    }
    publish = wishes.publish or _free_publish(place, others)
    if publish:
        document["publish"] = publish
    document |= {
        "domains": [
            {
                "name": name,
                "dns": _dns(provider),
                "dkim": [{"selector": SELECTOR, "state": "active", "public_key": keys.dkim[name]}],
            }
            for name in wishes.domains
        ],
        "capacity": {
            "mailboxes": 50,
            "domains": max(5, len(wishes.domains)),
            "storage_gib": 20,
            "mailbox_quota_mib": 400,
        },
        "size": "small",
        "limits": {"mailbox": {"hour": 50, "day": 500}, "domain": {"day": 5000}, "tenant": {"day": 20000}},
        # Laptops and tests start tenants all day; elsewhere the default costs less.
        "tuning": {
            "postfix": {"message_size_limit_mib": 50},
            "dovecot": {},
            **({"health": {"interval_seconds": 5}} if publish else {}),
        },
        # postmaster exists for every domain, so reports always find a reader.
        "dmarc": {"policy": "none", "reports": [f"mailto:postmaster@{wishes.domains[0]}"]},
        "tls": {"mode": "local", "ca": keys.ca, "chain": keys.chain, "web_chain": keys.web_chain},
        "host_dkim": [{"selector": SELECTOR, "public_key": keys.dkim[wishes.host]}],
    }
    return document


def _dns(provider: str) -> dict[str, str]:
    kind, colon, zone = provider.partition(":")
    return {"provider": kind, "zone_id": zone} if colon else {"provider": kind}


def _free_edge(place: Place, network: str, others: Sequence[StackFile]) -> str:
    taken = {o.settings.edge.address for o in others if o.settings.edge.network == network}
    # A network of somebody's own: go on after the tenants that are there.
    first = place.first_edge if network == place.network else min(taken, default=None)
    if first is None:
        raise Refusal("no edge address is named", f"name the tenant's address on {network} with --edge-address")
    pool = place.edge_pool if network == place.network else None
    return str(_next_free(first, taken, lambda address: pool is None or address in pool))


def _free_publish(place: Place, others: Sequence[StackFile]) -> str | None:
    if place.first_publish is None:
        return None
    taken = {o.settings.publish for o in others if o.settings.publish}
    return str(_next_free(place.first_publish, taken, lambda address: address.is_loopback))


def _next_free(
    first: IPv4Address, taken: Collection[IPv4Address], allowed: Callable[[IPv4Address], bool]
) -> IPv4Address:
    address = first
    # .0 and .255 are no host's in many networks, and easy to get wrong in the others.
    while address in taken or address.packed[3] in (0, 255):
        address += 1
    if not allowed(address):
        raise Refusal("no free address is left in the pool", "name one yourself")
    return address


def _free_subnet(place: Place, others: Sequence[StackFile]) -> str:
    taken = [o.settings.internal.subnet for o in others] + ([place.edge_pool] if place.edge_pool else [])
    candidate = IPv4Network((place.internal_pool.network_address, 28))
    while candidate.subnet_of(place.internal_pool):
        clash = next((subnet for subnet in taken if subnet.overlaps(candidate)), None)
        if clash is None:
            return str(candidate)
        after = int(max(clash.broadcast_address, candidate.broadcast_address)) + 1
        candidate = IPv4Network((after, 28))
    raise Refusal("no free inner network is left in the pool", "name one with --internal-subnet")
