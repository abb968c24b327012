"""Domains of a tenant: who serves their records, which DKIM selectors they have, what DMARC says."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AwareDatetime,
    Discriminator,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mailtenant.dkim import Algorithm, PublicKeyError, check_public_key
from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.errors import Refusal, refuse_all
from mailtenant.settings.names import Fqdn, ReportAddress, Selector, SpfTermText, TlsReportTarget

Mode = Literal["txt", "cname"]
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


class _Key(Settings):
    selector: Selector = setting("name of the key below `_domainkey`", Effect.IN_PLACE)
    public_key: str = setting("what `p=` of the key's record wants, in base64", Effect.IN_PLACE)


def _check_key(text: str, algorithm: Algorithm, path: tuple[str, ...] = ()) -> None:
    try:
        check_public_key(text, algorithm)
    except PublicKeyError as error:
        fix = "copy the `p=` value of the key's record, or run `mailtenant new`"
        raise Refusal(str(error), fix, path) from None


class HostKey(_Key):
    """The public half of an RSA key for DKIM; the private one is in `mailtenant:secrets`."""

    @field_validator("public_key")
    @classmethod
    def _is_rsa(cls, text: str) -> str:
        _check_key(text, "rsa")
        return text


class DomainKey(_Key):
    """A DKIM key of a domain, with its place in the rotation."""

    state: Literal["pending", "active", "retiring", "revoked"] = setting(
        "`pending`: published; `active`: published and signs; `retiring`: published, signs no longer; "
        "`revoked`: published with an empty key, its private half may be gone",
        Effect.IN_PLACE,
    )
    algorithm: Algorithm = setting(
        "`rsa` (2048 bits or more), or `ed25519` for a second signature beside an RSA one",
        Effect.IN_PLACE,
        default="rsa",
    )

    since: AwareDatetime | None = setting(
        "when it came into its state, as RFC 3339; written by `mailtenant dkim rotate`", Effect.NONE, default=None
    )

    @model_validator(mode="after")
    def _is_of_the_algorithm(self) -> Self:
        _check_key(self.public_key, self.algorithm, ("public_key",))
        return self


class Spf(Settings):
    """How the domain's SPF record names our egress addresses."""

    mode: Literal["include", "direct"] = setting(
        "`include`: one lookup of a name of ours, new addresses need no edit; `direct`: the addresses themselves",
        Effect.RECORDS,
        default="include",
    )
    all: Literal["~all", "-all"] | None = setting(
        "the record's last word; left out: what the adopted record says, else `~all`", Effect.RECORDS, default=None
    )


class Domain(Settings):
    """A domain whose mail the tenant sends and receives."""

    name: Fqdn = setting("the domain, lower case, as A-label", Effect.IN_PLACE)
    dns: DomainDns = setting("who serves the domain's records", Effect.RECORDS)
    dkim: tuple[DomainKey, ...] = setting(
        "DKIM keys; exactly one RSA key is `active`, and at most one of Ed25519",
        Effect.IN_PLACE,
        min_length=1,
        max_length=8,
    )
    dkim_mode: Mode = setting(
        "`txt`: keys stand in the domain; `cname`: the domain points to keys in the platform's zone, so that a "
        "rotation needs no edit there",
        Effect.RECORDS,
        default="txt",
    )
    spf: Spf = setting("the domain's SPF record", Effect.RECORDS, default=Spf())
    leaving: tuple[SpfTermText, ...] = setting(
        "SPF terms of the old host, such as `include:_spf.example.net`, dropped in the phase `settled`",
        Effect.RECORDS,
        default=(),
        max_length=20,
    )
    mta_sts: Literal["none", "testing", "enforce"] = setting(
        "mode of the MTA-STS policy (RFC 8461) on the web host; needs `tls.web_chain`", Effect.RESTART, default="none"
    )
    tls_reports: tuple[TlsReportTarget, ...] = setting(
        "where reports on TLS go (RFC 8460): `mailto:` or `https:` addresses; none: no record",
        Effect.RECORDS,
        default=(),
        max_length=10,
    )
    autoconfig: bool = setting(
        "answer mail clients that look for their settings; needs `tls.web_chain`", Effect.RESTART, default=False
    )
    discovery: bool = setting("SRV records by which mail clients find the host", Effect.RECORDS, default=True)
    no_mail: tuple[Fqdn, ...] = setting(
        "names below the domain that neither send nor receive mail", Effect.RECORDS, default=(), max_length=50
    )

    @field_validator("dkim")
    @classmethod
    def _one_of_each_signs(cls, keys: tuple[DomainKey, ...]) -> tuple[DomainKey, ...]:
        rsa, other = (sum(k.state == "active" and k.algorithm == a for k in keys) for a in ("rsa", "ed25519"))
        if rsa != 1:
            kind = "RSA selectors" if other else "selectors"
            fix = "exactly one signs; set the others to `pending` or `retiring`"
            raise Refusal(f"{rsa} {kind} are `active`", fix)
        if other > 1:
            raise Refusal(f"{other} Ed25519 selectors are `active`", "at most one signs beside the RSA one")
        unique_selectors(keys)
        return keys

    @field_validator("no_mail")
    @classmethod
    def _are_below_the_domain(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        domain = info.data.get("name")
        refuse_all(
            Refusal("is not below the domain", f"write the whole name, ending in `.{domain}`", (i,))
            for i, name in enumerate(names)
            if domain and not name.endswith(f".{domain}")
        )
        return names

    @property
    def active(self) -> DomainKey:
        """The RSA key that signs."""
        return next(key for key in self.dkim if key.state == "active" and key.algorithm == "rsa")

    @property
    def signing(self) -> tuple[DomainKey, ...]:
        """Every key that signs: the RSA one, then the one of Ed25519 if there is one."""
        return (self.active, *(key for key in self.dkim if key.state == "active" and key.algorithm == "ed25519"))

    @property
    def active_selector(self) -> str:
        return self.active.selector


class Dmarc(Settings):
    """What receivers shall do with mail that passes neither SPF nor DKIM."""

    policy: Literal["none", "quarantine", "reject"] = setting("the record's `p=`", Effect.RECORDS, default="none")
    reports: tuple[ReportAddress, ...] = setting(
        "where aggregate reports go, as `mailto:` addresses", Effect.RECORDS, default=(), max_length=10
    )


def unique_selectors(keys: tuple[HostKey | DomainKey, ...]) -> None:
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
