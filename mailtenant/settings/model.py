"""The tenant document: everything that makes one tenant differ from another, as `mailtenant:tenant` of its stack file.

Rules that need two keys stand at the later key's validator, so that one pass reports every problem at its own path.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Tag, ValidationInfo, field_validator

from mailtenant.certificates import CertificateError, chain_faults, load_certificate, load_chain
from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.capacity import Capacity
from mailtenant.settings.dns import Dmarc, Domain, HostKey, PlatformDns, unique_selectors
from mailtenant.settings.errors import Refusal, refuse_all
from mailtenant.settings.limits import Limits
from mailtenant.settings.names import (
    Address,
    Address6,
    EmailAddress,
    Fqdn,
    ImageTag,
    Label,
    NetworkName,
    PlainText,
    Platform,
    Subnet,
)
from mailtenant.settings.nodes import Node, Nodes, further_node
from mailtenant.settings.size import NamedSize, Service, ServiceSize, SizeTable, resolve_sizes
from mailtenant.settings.tuning import Tuning

INTERNAL_HOSTS: Mapping[str, int] = {"edge": 2, "database": 3, "filter": 4, "cache": 5}
LONGEST_HOST = 64  # a container's host name is the tenant's, and Linux has room for 64 characters (HOST_NAME_MAX)
SIZE_TAGS = ("named size", "size table")


class Contact(Settings):
    """Whom to tell about windows, limits and trouble."""

    name: PlainText = setting("a person or team", Effect.NONE)
    email: EmailAddress = setting("where that person reads mail, best outside this tenant", Effect.NONE)


class EdgeSettings(Settings):
    """The tenant's place on the outside network."""

    network: NetworkName = setting("name of the engine's network that the tenant's address is on", Effect.REPLACE)
    address: Address = setting("the tenant's own IPv4 address there: clients, MX and egress", Effect.REPLACE)
    address6: Address6 | None = setting(
        "its IPv6 address there, global or unique local, for the same; the network must be one with IPv6; left out: "
        "no mail comes or goes by IPv6",
        Effect.REPLACE,
        default=None,
    )
    dns: Address | None = setting(
        "resolver to forward to; left out: the tenant's resolver asks the root servers itself",
        Effect.RESTART,
        default=None,
    )

    @field_validator("address")
    @classmethod
    def _can_be_an_address(cls, value: Address) -> Address:
        if value.is_loopback or value.is_multicast or value.is_unspecified or value.is_link_local or value.is_reserved:
            raise Refusal("is not an address that a host can have on a network", "take a free one of the edge network")
        return value

    @field_validator("dns")
    @classmethod
    def _is_somebody_else(cls, value: Address | None, info: ValidationInfo) -> Address | None:
        if value is not None and value == info.data.get("address"):
            raise Refusal("is the tenant's own address", "name another resolver, or leave it out for full recursion")
        return value


class InternalSettings(Settings):
    """The tenant's network without a way out."""

    subnet: Subnet = setting("private IPv4 network of its own, /28 to /24", Effect.REPLACE)

    @field_validator("subnet")
    @classmethod
    def _is_small_and_private(cls, value: IPv4Network) -> IPv4Network:
        if not 24 <= value.prefixlen <= 28:
            raise Refusal(f"is a /{value.prefixlen}", "a /28 is enough for one tenant, and /24 is the largest")
        if not value.is_private or value.is_loopback or value.is_link_local:
            raise Refusal("is not a private network", "take one of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
        return value


class TlsSettings(Settings):
    """The host's certificate, public half; the keys are in `mailtenant:secrets`."""

    mode: Literal["local"] = setting(
        "`local`: signed by a CA of the tenant's own, made by `mailtenant new`", Effect.RESTART
    )
    ca: str = setting("certificate of the CA, PEM", Effect.RESTART)
    chain: str = setting("certificate of the host, PEM, the leaf first", Effect.RESTART)
    web_chain: str | None = setting(
        "certificate of the web names, PEM, the leaf first; left out: no web host", Effect.REPLACE, default=None
    )

    @field_validator("ca")
    @classmethod
    def _is_one_certificate(cls, value: str) -> str:
        try:
            load_certificate(value)
        except CertificateError as error:
            raise Refusal(str(error), "paste the CA's certificate, from BEGIN to END CERTIFICATE") from None
        return value

    @field_validator("chain", "web_chain")
    @classmethod
    def _is_a_chain(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            load_chain(value)
        except CertificateError as error:
            raise Refusal(str(error), "paste the certificate, from BEGIN to END CERTIFICATE") from None
        return value


def _profile(value: object) -> object:
    if value == "redundant":
        raise Refusal("this release has no profile `redundant`", "use `single`, which has no second node")
    return value


def _size_kind(value: object) -> str:
    return SIZE_TAGS[0] if isinstance(value, str) else SIZE_TAGS[1]


Size = Annotated[
    Annotated[NamedSize, Tag(SIZE_TAGS[0])] | Annotated[SizeTable, Tag(SIZE_TAGS[1])], Discriminator(_size_kind)
]


class TenantSettings(Settings):
    """One tenant."""

    schema_version: Literal[1] = setting("version of this document", Effect.NONE, alias="schema")
    release: ImageTag = setting("tag of the service images, for example 2026.11, in quotes", Effect.RESTART)
    label: Label = setting("the tenant's name: first part of its host, and in the name of all it has", Effect.FIXED)
    organisation: PlainText = setting("the customer's name", Effect.NONE)
    contact: Contact = setting("whom to tell", Effect.NONE)
    platform: Platform = setting(
        "`docker`, or `ssh://user@host` for the engine of another machine", Effect.FIXED, default="docker"
    )
    platform_domain: Fqdn = setting("domain of all tenant hosts", Effect.FIXED, default="outboxment.com")
    platform_dns: PlatformDns = setting(
        "who serves the records of the tenant host", Effect.RECORDS, default={"provider": "manual"}
    )
    profile: Annotated[Literal["single"], BeforeValidator(_profile)] = setting(
        "`single`: one node, no standby", Effect.FIXED, default="single"
    )
    edge: EdgeSettings = setting("the tenant's own address", Effect.REPLACE)
    internal: InternalSettings = setting("the tenant's inner network", Effect.REPLACE)
    publish: Address | None = setting(
        "loopback address on which the ports are published as well, for laptops and tests", Effect.REPLACE, default=None
    )
    tls: TlsSettings = setting("the host's certificate", Effect.RESTART)
    host_dkim: tuple[HostKey, ...] = setting(
        "DKIM keys of the tenant host, which sign bounces; the first one signs",
        Effect.IN_PLACE,
        min_length=1,
        max_length=8,
    )
    capacity: Capacity = setting("what the customer bought", Effect.IN_PLACE)
    domains: tuple[Domain, ...] = setting("domains whose mail the tenant carries", Effect.IN_PLACE, min_length=1)
    size: Size = setting("`small`, `medium`, `large`, or a table for single services", Effect.IN_PLACE, default="small")
    nodes: Nodes = setting("how many mail servers", Effect.IN_PLACE, default=Nodes())
    limits: Limits = setting("how much may be sent", Effect.IN_PLACE, default=Limits())
    tuning: Tuning = setting("settings of the daemons, for this tenant only", Effect.RESTART, default=Tuning())
    dmarc: Dmarc = setting("the DMARC record of every domain", Effect.RECORDS, default=Dmarc())

    @field_validator("platform_domain")
    @classmethod
    def _host_fits_a_host_name(cls, value: str, info: ValidationInfo) -> str:
        label = info.data.get("label", "")
        if len(label) + 1 + len(value) > LONGEST_HOST:
            raise Refusal(
                f"makes a host of {len(label) + 1 + len(value)} characters, where Linux has room for {LONGEST_HOST}",
                "shorten the label or the platform domain",
            )
        return value

    @field_validator("internal")
    @classmethod
    def _edge_is_outside(cls, value: InternalSettings, info: ValidationInfo) -> InternalSettings:
        edge = info.data.get("edge")
        if edge and (edge.address in value.subnet or (edge.dns and edge.dns in value.subnet)):
            raise Refusal(
                "holds an address of `edge`", "take another network: the inner one has no way out", ("subnet",)
            )
        return value

    @field_validator("publish")
    @classmethod
    def _is_loopback(cls, value: Address | None) -> Address | None:
        if value is not None and (not value.is_loopback or value.packed[1:] in (b"\0\0\0", b"\xff\xff\xff")):
            raise Refusal("is not a loopback address", "take a free one of 127.0.0.0/8, for example 127.0.1.1")
        return value

    @field_validator("tls")
    @classmethod
    def _is_for_the_host(cls, value: TlsSettings, info: ValidationInfo) -> TlsSettings:
        if "label" in info.data and "platform_domain" in info.data:
            host = f"{info.data['label']}.{info.data['platform_domain']}"
            refuse_all(
                Refusal(fault, "`mailtenant new` makes a matching pair", ("chain",))
                for fault in chain_faults(value.chain, value.ca, host)
            )
        return value

    @field_validator("host_dkim")
    @classmethod
    def _selectors_differ(cls, keys: tuple[HostKey, ...]) -> tuple[HostKey, ...]:
        unique_selectors(keys)
        return keys

    @field_validator("domains")
    @classmethod
    def _domains_fit(cls, domains: tuple[Domain, ...], info: ValidationInfo) -> tuple[Domain, ...]:
        capacity, platform = info.data.get("capacity"), info.data.get("platform_domain")
        found = []
        if capacity and len(domains) > capacity.domains:
            found.append(
                Refusal(
                    f"{len(domains)} domains, where capacity.domains is {capacity.domains}", "raise it or list fewer"
                )
            )
        first: dict[str, int] = {}
        for i, domain in enumerate(domains):
            if first.setdefault(domain.name, i) != i:
                found.append(
                    Refusal(f"is the domain of entry {first[domain.name]} as well", "remove one of them", (i, "name"))
                )
            if platform and (domain.name == platform or domain.name.endswith(f".{platform}")):
                found.append(
                    Refusal("is at or below the platform domain", "list the customer's own domains only", (i, "name"))
                )
        tls = info.data.get("tls")
        if tls and "label" in info.data and platform:
            found += _web_faults(domains, tls, f"{info.data['label']}.{platform}")
        refuse_all(found)
        return domains

    @field_validator("nodes")
    @classmethod
    def _nodes_have_their_places(cls, nodes: Nodes, info: ValidationInfo) -> Nodes:
        refuse_all(_node_faults(nodes, info.data))
        return nodes

    @field_validator("tuning")
    @classmethod
    def _largest_message_fits_a_mailbox(cls, value: Tuning, info: ValidationInfo) -> Tuning:
        capacity = info.data.get("capacity")
        if capacity and value.postfix.message_size_limit_mib > capacity.mailbox_quota_mib:
            raise Refusal(
                f"is above capacity.mailbox_quota_mib, {capacity.mailbox_quota_mib}",
                "lower it or raise the quota, else such a message can never be delivered",
                ("postfix", "message_size_limit_mib"),
            )
        return value

    @property
    def host(self) -> str:
        """The one name for every port, and the EHLO name: `acme.outboxment.com`."""
        return f"{self.label}.{self.platform_domain}"

    @property
    def has_web_host(self) -> bool:
        """Whether there is a certificate to serve web names with."""
        return self.tls.web_chain is not None

    @property
    def prefix(self) -> str:
        """Begins the name of everything that the tenant has in the engine."""
        return f"mt-{self.label}"

    def internal_address(self, service: str) -> str:
        """Address on the inner network: of edge, database, filter or cache."""
        return str(self.internal.subnet[INTERNAL_HOSTS[service]])

    @cached_property
    def smtp_nodes(self) -> tuple[Node, ...]:
        """The mail servers, the one that clients use first."""
        edge = self.edge
        first = Node(1, self.host, edge.address, self.internal_address("edge"), self.publish, edge.address6)
        published = self.publish is not None
        others = range(2, self.nodes.smtp + 1)
        return (
            first,
            *(further_node(n, self.host, self.internal.subnet, self.nodes, published=published) for n in others),
        )

    @cached_property
    def sizes(self) -> Mapping[Service, ServiceSize]:
        """Service → its limits, with the named sizes resolved."""
        return resolve_sizes(self.size)

    def domain(self, name: str) -> Domain:
        """Raises: KeyError, if the tenant does not have it."""
        for domain in self.domains:
            if domain.name == name:
                return domain
        raise KeyError(name)

    def secret_leaves(self) -> list[tuple[str, ...]]:
        """Paths below `mailtenant:secrets` that the tenant needs."""
        leaves: list[tuple[str, ...]] = [(name,) for name in BASE_SECRETS]
        leaves += [("tlsWebKey",)] if self.has_web_host else []
        leaves += [("tlsNodesKey",)] if self.nodes.smtp > 1 else []
        leaves += [("dkim", self.host, key.selector) for key in self.host_dkim]
        leaves += [("dkim", d.name, key.selector) for d in self.domains for key in d.dkim if key.state != "revoked"]
        leaves += [("platformCloudflareToken",)] if self.platform_dns.provider == "cloudflare" else []
        providers = {domain.dns.provider for domain in self.domains}
        leaves += [(name,) for provider, names in PROVIDER_SECRETS.items() if provider in providers for name in names]
        return leaves


def _web_faults(domains: tuple[Domain, ...], tls: TlsSettings, host: str) -> list[Refusal]:
    """What is switched on needs a web certificate for its names."""
    found = []
    for i, domain in enumerate(domains):
        wanted = {"mta_sts": ["mta-sts"] if domain.mta_sts != "none" else []}
        wanted["autoconfig"] = ["autoconfig", "autodiscover"] if domain.autoconfig else []
        for key, kinds in wanted.items():
            if not kinds:
                continue
            if tls.web_chain is None:
                found.append(
                    Refusal("needs a web certificate, and `tls.web_chain` is missing", "switch it off", (i, key))
                )
                continue
            faults = {f for kind in kinds for f in chain_faults(tls.web_chain, tls.ca, f"{kind}.{domain.name}")}
            faults |= set(chain_faults(tls.web_chain, tls.ca, host))
            if faults:
                found.append(
                    Refusal(
                        "is not covered by the certificate in `tls.web_chain`",
                        "issue it anew for the names of every domain, or switch this off",
                        (i, key),
                    )
                )
    return found


def _node_faults(nodes: Nodes, data: Mapping[str, Any]) -> list[Refusal]:
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


BASE_SECRETS = ("fingerprintKey", "databaseReaderPassword", "cachePassword", "tlsCaKey", "tlsKey")
PROVIDER_SECRETS: Mapping[str, tuple[str, ...]] = {
    "cloudflare": ("cloudflareToken",),
    "godaddy": ("godaddyKey", "godaddySecret"),
}
