"""Domains of a tenant: who serves their records, which DKIM selectors they have, what DMARC says."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, StringConstraints, Tag, field_validator

from mailtenant.dkim import PublicKeyError, check_public_key
from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.errors import Refusal, refuse_all
from mailtenant.settings.names import Fqdn, ReportAddress, Selector

PROVIDERS: Final = ("local", "manual", "cloudflare", "godaddy")


class LocalDns(Settings):
    """The tenant's own authoritative server, on the edge address."""

    provider: Literal["local"] = setting("served by the tenant's own name server", Effect.RECORDS)


class ManualDns(Settings):
    """Somebody else's: no call to any provider, the records are handed over as a sheet (`mailtenant records`)."""

    provider: Literal["manual"] = setting("records are published by hand from `mailtenant records`", Effect.RECORDS)


class CloudflareDns(Settings):
    """A zone at Cloudflare. Needs the secret `cloudflareToken`."""

    provider: Literal["cloudflare"] = setting("records are written through Cloudflare's API", Effect.RECORDS)
    zone_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] = setting(
        "with `cloudflare`: id of the zone, 32 hexadecimal digits", Effect.RECORDS
    )


class GodaddyDns(Settings):
    """A zone at GoDaddy. Needs the secrets `godaddyKey` and `godaddySecret`."""

    provider: Literal["godaddy"] = setting("records are written through GoDaddy's API", Effect.RECORDS)


def _provider(value: Any) -> str | None:
    name = value.get("provider") if isinstance(value, Mapping) else getattr(value, "provider", None)
    return name if isinstance(name, str) and name in PROVIDERS else None


# By a function, since pydantic's own discriminator quotes an unknown provider in its error.
DomainDns = Annotated[
    Annotated[LocalDns, Tag("local")]
    | Annotated[ManualDns, Tag("manual")]
    | Annotated[CloudflareDns, Tag("cloudflare")]
    | Annotated[GodaddyDns, Tag("godaddy")],
    Discriminator(_provider, "domain_provider", "no known provider"),
]
PlatformDns = Annotated[
    Annotated[LocalDns, Tag("local")]
    | Annotated[ManualDns, Tag("manual")]
    | Annotated[CloudflareDns, Tag("cloudflare")],
    Discriminator(_provider, "platform_provider", "no known provider"),
]


def _public_key(text: str) -> str:
    try:
        check_public_key(text)
    except PublicKeyError as error:
        raise Refusal(str(error), "copy the `p=` value of the key's record, or run `mailtenant new`") from None
    return text


class HostKey(Settings):
    """The public half of a DKIM key; the private one is in `mailtenant:secrets`."""

    selector: Selector = setting("name of the key below `_domainkey`", Effect.IN_PLACE)
    public_key: str = setting("base64 of the SubjectPublicKeyInfo: what `p=` of the record wants", Effect.IN_PLACE)

    _key = field_validator("public_key")(staticmethod(_public_key))


class DomainKey(HostKey):
    """A DKIM key of a domain, with its place in the rotation."""

    state: Literal["pending", "active", "retiring"] = setting(
        "`pending`: published; `active`: published and signs; `retiring`: published, signs no longer", Effect.IN_PLACE
    )


class Domain(Settings):
    """A domain whose mail the tenant sends and receives."""

    name: Fqdn = setting("the domain, lower case, as A-label", Effect.IN_PLACE)
    dns: DomainDns = setting("who serves the domain's records", Effect.RECORDS)
    dkim: tuple[DomainKey, ...] = setting(
        "DKIM keys; exactly one is `active`", Effect.IN_PLACE, min_length=1, max_length=8
    )
    mta_sts: Literal["none", "testing", "enforce"] = setting(
        "mode of the MTA-STS policy (RFC 8461) on the web host; needs `tls.web_chain`", Effect.RESTART, default="none"
    )
    autoconfig: bool = setting(
        "answer mail clients that look for their settings; needs `tls.web_chain`", Effect.RESTART, default=False
    )

    @field_validator("dkim")
    @classmethod
    def _one_signs(cls, keys: tuple[DomainKey, ...]) -> tuple[DomainKey, ...]:
        active = sum(key.state == "active" for key in keys)
        if active != 1:
            raise Refusal(
                f"{active} selectors are `active`", "exactly one signs; set the others to `pending` or `retiring`"
            )
        unique_selectors(keys)
        return keys

    @property
    def active(self) -> DomainKey:
        """The key that signs."""
        return next(key for key in self.dkim if key.state == "active")

    @property
    def active_selector(self) -> str:
        return self.active.selector


class Dmarc(Settings):
    """What receivers shall do with mail that passes neither SPF nor DKIM."""

    policy: Literal["none", "quarantine", "reject"] = setting("the record's `p=`", Effect.RECORDS, default="none")
    reports: tuple[ReportAddress, ...] = setting(
        "where aggregate reports go, as `mailto:` addresses", Effect.RECORDS, default=(), max_length=10
    )


def unique_selectors(keys: tuple[HostKey, ...]) -> None:
    """Raises: Refusals, one for each selector that is there twice."""
    first: dict[str, int] = {}
    refuse_all(
        Refusal(
            f"is the selector of entry {first[key.selector]} as well",
            "give each key a selector of its own",
            (i, "selector"),
        )
        for i, key in enumerate(keys)
        if first.setdefault(key.selector, i) != i
    )
