"""Zones that others serve, written by whoever serves them: Cloudflare, GoDaddy; `manual` and `local` need no call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pydantic import SecretStr

from components.last_state import last_outputs
from mailtenant.dns.planner import managed_slots
from mailtenant.dns.records import Record
from mailtenant.secrets import TenantSecrets
from mailtenant.settings import TenantSettings
from mailtenant.settings.existing import PHASES, Existing, ExistingZone, Phase

ADOPTED, PHASE = "dnsAdopted", "dnsPhase"
"""Outputs of the stack by which the next run knows what this one did."""


def write_zones(
    name: str,
    settings: TenantSettings,
    secrets: TenantSecrets,
    planned: Sequence[Record],
    dns: "DnsState",
    opts: pulumi.ResourceOptions,
) -> list[str]:
    """Writes the zones at providers, if there are any. What was adopted, ever: the next run must know it."""
    providers = {domain.dns.provider for domain in settings.domains} | {settings.platform_dns.provider}
    if not providers & {"cloudflare", "godaddy"}:
        return []
    return ZoneWriters(name, settings, secrets, planned, dns, opts).adopted


@dataclass(frozen=True)
class DnsState:
    """What the zones held before (`mailtenant:dnsExisting`), and how far they have moved (`mailtenant:dnsPhase`)."""

    existing: Existing
    phase: Phase


class ZoneWriters(pulumi.ComponentResource):
    """Creates: a `CloudflareZone` or `GodaddyZone` for each zone at a provider, with that zone's own credentials.

    Replaced by: nothing of its own; see `CloudflareZone` and `GodaddyZone`.

    Outputs: `adopted` (what was imported, ever).
    """

    def __init__(
        self,
        name: str,
        settings: TenantSettings,
        secrets: TenantSecrets,
        planned: Sequence[Record],
        dns: DnsState,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mailtenant:index:ZoneWriters", name, None, opts)
        self._name, self._settings, self._secrets, self._planned, self._dns = name, settings, secrets, planned, dns
        self._providers: dict[str, pulumi.ProviderResource] = {}
        self.adopted: list[str] = []
        last = last_outputs() if dns.existing and self._written() else {}
        _check_step(last.get(PHASE), dns.phase)
        if settings.platform_dns.provider == "cloudflare":
            token = secrets.platformCloudflareToken
            self._cloudflare(settings.host, settings.platform_dns.zone_id, token, "platform", None, last)
        for domain in settings.domains:
            before = dns.existing.get(domain.name)
            if domain.dns.provider == "cloudflare":
                token = secrets.cloudflareToken
                self._cloudflare(domain.name, domain.dns.zone_id, token, "customer", before, last)
            elif domain.dns.provider == "godaddy":
                self._godaddy(domain.name, before)
        self.register_outputs({"adopted": self.adopted})

    def _written(self) -> bool:
        return any(domain.dns.provider in ("cloudflare", "godaddy") for domain in self._settings.domains)

    def _records(self, zone: str) -> list[Record]:
        # Nobody but the owner of the address can write its PTR: the sheet and the check show it.
        return [record for record in self._planned if record.zone == zone and record.type != "PTR"]

    def _cloudflare(
        self,
        zone: str,
        zone_id: str,
        token: SecretStr | None,
        whose: str,
        before: ExistingZone | None,
        last: Mapping[str, Any],
    ) -> None:
        # Tenants without a zone there never load this SDK.
        import pulumi_cloudflare as cloudflare

        from components.cloudflare_zone import CloudflareZone

        instance = f"{self._name}-cloudflare-{whose}"
        if instance not in self._providers:
            name = "platformCloudflareToken" if whose == "platform" else "cloudflareToken"
            self._providers[instance] = cloudflare.Provider(
                instance,
                api_token=_needed(token, name),
                base_url=pulumi.Config("cloudflare").get("baseUrl"),
                opts=pulumi.ResourceOptions(parent=self),
            )
        made = CloudflareZone(
            f"{self._name}-{zone}",
            zone_id,
            self._records(zone),
            before,
            self._dns.phase,
            last.get(ADOPTED) or (),
            f"mailtenant {self._settings.label}",
            pulumi.ResourceOptions(parent=self, providers=[self._providers[instance]]),
        )
        self.adopted += made.adopted

    def _godaddy(self, zone: str, before: ExistingZone | None) -> None:
        from components.godaddy import Provider
        from components.godaddy_zone import GodaddyZone

        instance = f"{self._name}-godaddy"
        if instance not in self._providers:
            self._providers[instance] = Provider(
                instance,
                _needed(self._secrets.godaddyKey, "godaddyKey"),
                _needed(self._secrets.godaddySecret, "godaddySecret"),
                pulumi.Config("godaddy").get("baseUrl"),
                pulumi.ResourceOptions(parent=self),
            )
        GodaddyZone(
            f"{self._name}-{zone}",
            zone,
            self._records(zone),
            before,
            managed_slots(self._settings, self._dns.existing)[zone],
            self._dns.phase,
            pulumi.ResourceOptions(parent=self, providers=[self._providers[instance]]),
        )


def _check_step(last: object, phase: Phase) -> None:
    """Forward by one phase at a time: each lowers TTLs or publishes what the next one counts on; back from anywhere."""
    if last in PHASES and PHASES.index(phase) > PHASES.index(last) + 1:
        raise pulumi.RunError(
            f"the records are in the phase `{last}`, `{phase}` is more than one step on: set `mailtenant:dnsPhase` to "
            f"`{PHASES[PHASES.index(last) + 1]}`, run `pulumi up`, wait for the old TTL, then go on"
        )


def _needed(secret: SecretStr | None, name: str) -> pulumi.Output[str]:
    if secret is None:
        raise pulumi.RunError(f"mailtenant:secrets.{name} is missing: `pulumi config set --secret --path` sets it")
    return pulumi.Output.secret(secret.get_secret_value())
