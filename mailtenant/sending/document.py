"""limits.json: the sending limits as the filter re-reads them within a second, without a restart."""

import json
from datetime import date
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

SCOPES: Final = ("mailbox", "domain", "tenant")
_EPOCH: Final = date(1970, 1, 1)


def limits_document(settings: "TenantSettings") -> str:
    """Scope → recipients an hour and a day (UTC); `warmup.from` in days since 1970."""
    limits = settings.limits
    document: dict[str, Any] = {}
    for scope in SCOPES:
        limit = getattr(limits, scope)
        document[scope] = {**({"hour": limit.hour} if limit.hour is not None else {}), "day": limit.day}
    if limits.warmup is not None:
        document["warmup"] = {
            "from": (limits.warmup.from_date - _EPOCH).days,
            "first_day": limits.warmup.first_day,
            "growth": limits.warmup.growth,
        }
    return json.dumps(document, indent=2) + "\n"
