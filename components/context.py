"""What every component of one tenant needs to know, put together once by `TenantMail`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import pulumi

from mailtenant.rendering import RenderedFile, ZoneFile, render_service
from mailtenant.rendering.services import NODE_SERVICES
from mailtenant.secrets import TenantSecrets
from mailtenant.settings import TenantSettings
from mailtenant.settings.nodes import Node
from mailtenant.settings.size import Service

TENANT_LABEL = "mailtenant.tenant"


@dataclass(frozen=True)
class TenantContext:
    """`images` maps a service to its image id; `files` to its rendered configuration.

    `before_accounts` may stop a change of the document of domains and capacity, `before_config` of files,
    `before_queue` the deletion of a further mail server's queue.
    """

    settings: TenantSettings
    secrets: TenantSecrets
    files: Mapping[str, Sequence[RenderedFile]]
    zones: Sequence[ZoneFile]
    images: Mapping[str, pulumi.Output[str]]
    before_accounts: Sequence[pulumi.ResourceHook] = ()
    before_config: Callable[[str, Service, Sequence[RenderedFile]], pulumi.ResourceHook] | None = None

    before_queue: Sequence[pulumi.ResourceHook] = ()
    node: Node | None = None

    def of_node(self, node: Node) -> Self:
        """The same for a further mail server: names of its own, its own files."""
        files: dict[str, Sequence[RenderedFile]] = {
            service: render_service(self.settings, service, node=node) for service in NODE_SERVICES
        }
        return replace(self, node=node, files=files)

    @property
    def place(self) -> Node:
        """The mail server that all of this stands beside."""
        return self.node or self.settings.smtp_nodes[0]

    @property
    def prefix(self) -> str:
        return self.settings.prefix

    def physical(self, role: str) -> str:
        """The engine's name of a container, volume or network: from the label, never from a logical name."""
        return f"{self.prefix}-{role}{self.place.suffix}"
