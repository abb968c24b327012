"""Templates and the table of services: what every file of a tenant says, and how each container is run."""

from mailtenant.rendering.filters import UnsafeValue
from mailtenant.rendering.renderer import RenderedFile, ZoneFile, render_service, render_tenant
from mailtenant.rendering.services import SERVICES, ServiceSpec

__all__ = ["SERVICES", "RenderedFile", "ServiceSpec", "UnsafeValue", "ZoneFile", "render_service", "render_tenant"]
