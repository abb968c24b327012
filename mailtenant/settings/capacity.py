"""How much a tenant has: mailboxes, domains, storage."""

from typing import Any, Self

from pydantic import model_validator

from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import Count

DEFAULT_QUOTA_MIB = 2048


def _quota_that_fits(data: dict[str, Any]) -> int:
    fits: int = data["storage_gib"] * 1024 // data["mailboxes"]
    return min(DEFAULT_QUOTA_MIB, max(1, fits))


class Capacity(Settings):
    """What the customer bought. All mailboxes' quotas together fit the storage, so that a full one harms no other."""

    mailboxes: Count = setting("mailboxes that may exist", Effect.IN_PLACE, ge=1, le=100_000)
    domains: Count = setting("domains that may be listed", Effect.IN_PLACE, ge=1, le=1_000)
    storage_gib: Count = setting("storage for mail", Effect.IN_PLACE, ge=1, le=65_536)
    mailbox_quota_mib: Count = setting(
        "quota of a mailbox that has none of its own; left out: 2048, or less if the storage asks for it",
        Effect.IN_PLACE,
        ge=1,
        le=1_048_576,
        default_factory=_quota_that_fits,
    )

    @model_validator(mode="after")
    def _quotas_fit_the_storage(self) -> Self:
        wanted, there = self.mailboxes * self.mailbox_quota_mib, self.storage_gib * 1024
        if wanted <= there:
            return self
        fixes = [f"set at least storage_gib {-(-wanted // 1024)}"]
        if there // self.mailboxes:
            fixes.append(f"at most mailbox_quota_mib {there // self.mailboxes}")
        if there // self.mailbox_quota_mib:
            fixes.append(f"at most mailboxes {there // self.mailbox_quota_mib}")
        quota = self.mailbox_quota_mib
        raise Refusal(
            f"{self.mailboxes} mailboxes of {quota} MiB are {wanted} MiB, above the {there} MiB of storage",
            ", or ".join(fixes),
            ("mailbox_quota_mib",),
        )
