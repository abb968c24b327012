"""accounts.json: the part of the settings that the tenant's database takes over within seconds."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

GIB = 1024**3
MIB = 1024**2


def accounts_document(settings: "TenantSettings") -> str:
    """Domains in the order of the stack file, capacity in octets. The same settings give the same text."""
    capacity = settings.capacity
    document = {
        "domains": [domain.name for domain in settings.domains],
        "capacity": {
            "mailboxes": capacity.mailboxes,
            "domains": capacity.domains,
            "storage_bytes": capacity.storage_gib * GIB,
            "mailbox_quota_bytes": capacity.mailbox_quota_mib * MIB,
        },
    }
    return json.dumps(document, indent=2) + "\n"
