"""The resource graph of a tenant without an engine: the raw registrations, asserted on after the program has run."""

from typing import Any

from components.registrations import Registered, registrations
from components.tenant import TenantMail
from tests import samples

__all__ = ["Registered", "graph"]


def graph(tenant: Any, secrets: Any = None) -> list[Registered]:
    """Runs `TenantMail` against mocks and returns every registration, in order."""

    def program() -> None:
        TenantMail(tenant.label, tenant, secrets or samples.secrets(tenant))

    return list(registrations(program, "mailtenant", tenant.label).resources)
