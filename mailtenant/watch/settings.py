"""How the watch paces itself, from `MAILTENANT_WATCH_…` variables; docs/alerts.md lists them."""

from typing import ClassVar

from pydantic import Field

from mailtenant.control.variables import FromEnvironment


class WatchSettings(FromEnvironment):
    """Seconds, if nothing else is said."""

    prefix: ClassVar[str] = "MAILTENANT_WATCH_"

    pause: float = Field(default=3600, ge=0, description="between two looks of the worker at a tenant; 0: never")
    concurrency: int = Field(default=4, ge=1, le=64, description="tenants that are looked at at the same time")
    certificate_days: int = Field(default=21, ge=1, description="days left of a certificate that are too few")
