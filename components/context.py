"""What every component of one tenant needs to know, put together once by `TenantMail`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pulumi

from mailtenant.rendering import RenderedFile, ZoneFile
from mailtenant.secrets import TenantSecrets
from mailtenant.settings import TenantSettings
from mailtenant.settings.size import Service

TENANT_LABEL = "mailtenant.tenant"


@dataclass(frozen=True)
class TenantContext:
    """`images` maps a service to its image id; `files` to its rendered configuration.

    `before_accounts` may stop a change of the document of domains and capacity, `before_config` of files.
    """

    settings: TenantSettings
    secrets: TenantSecrets
    files: Mapping[str, Sequence[RenderedFile]]
    zones: Sequence[ZoneFile]
    images: Mapping[str, pulumi.Output[str]]
    before_accounts: Sequence[pulumi.ResourceHook] = ()
    before_config: Callable[[Service, Sequence[RenderedFile]], pulumi.ResourceHook] | None = None

    @property
    def prefix(self) -> str:
        return self.settings.prefix

    def physical(self, role: str) -> str:
        """The engine's name of a container, volume or network: from the label, never from a logical name."""
        return f"{self.prefix}-{role}"
