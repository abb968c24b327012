"""Where a tenant stands: its addresses on the outside and the inner network, and the host's certificate."""

from ipaddress import IPv4Network
from typing import Literal

from pydantic import ValidationInfo, field_validator

from mailtenant.certificates import CertificateError, load_certificate, load_chain
from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import Address, Address6, NetworkName, Subnet


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
