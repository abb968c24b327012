"""domains.list: the domains whose mail must be signed, as the filter re-reads them without a restart."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings


def own_domains(settings: "TenantSettings") -> str:
    """`N own domains`, then a name a line: the tenant host (its bounces), the domains in the order of the stack file.

    The number tells the filter a whole file from one that is cut short.
    """
    names = [settings.host, *(domain.name for domain in settings.domains)]
    return f"{len(names)} own domains\n" + "".join(f"{name}\n" for name in names)
