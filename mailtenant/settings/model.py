"""The tenant document: everything that makes one tenant differ from another, as `mailtenant:tenant` of its stack file.

Rules that need two keys stand at the later key's validator, so that one pass reports every problem at its own path.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Tag, ValidationInfo, field_validator

from mailtenant.certificates import chain_faults
from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.capacity import Capacity
from mailtenant.settings.dns import Dmarc, Domain, HostKey, PlatformDns, unique_selectors
from mailtenant.settings.errors import Refusal, refuse_all
from mailtenant.settings.limits import Limits
from mailtenant.settings.names import (
    Address,
    EmailAddress,
    Fqdn,
    ImageTag,
    Label,
    PlainText,
    Platform,
)
from mailtenant.settings.nodes import Node, Nodes, further_node, node_faults
from mailtenant.settings.places import EdgeSettings, InternalSettings, TlsSettings
from mailtenant.settings.size import NamedSize, Service, ServiceSize, SizeTable, resolve_sizes
from mailtenant.settings.tuning import Tuning

INTERNAL_HOSTS: Mapping[str, int] = {"edge": 2, "database": 3, "filter": 4, "cache": 5}
LONGEST_HOST = 64  # a container's host name is the tenant's, and Linux has room for 64 characters (HOST_NAME_MAX)
SIZE_TAGS = ("named size", "size table")


class Contact(Settings):
    """Whom to tell about windows, limits and trouble."""

    name: PlainText = setting("a person or team", Effect.NONE)
    email: EmailAddress = setting("where that person reads mail, best outside this tenant", Effect.NONE)


def check_host(label: str, platform_domain: str) -> None:
    """Whether the two make a name that a container and a certificate can have.

    Raises: Refusal
    """
    length = len(label) + 1 + len(platform_domain)
    if length > LONGEST_HOST:
        raise Refusal(
            f"makes a host of {length} characters, where Linux has room for {LONGEST_HOST}",
            "shorten the label or the platform domain",
        )


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
        check_host(info.data.get("label", ""), value)
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
        refuse_all(node_faults(nodes, info.data))
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


BASE_SECRETS = ("fingerprintKey", "databaseReaderPassword", "cachePassword", "tlsCaKey", "tlsKey")
PROVIDER_SECRETS: Mapping[str, tuple[str, ...]] = {
    "cloudflare": ("cloudflareToken",),
    "godaddy": ("godaddyKey", "godaddySecret"),
}
