"""A customer as the `customer` commands show it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from mailtenant.control.plane import ControlPlane
    from mailtenant.control.tables import Tenant


def shown_of(plane: "ControlPlane", session: "Session", tenant: "Tenant") -> dict[str, Any]:
    """Plain values; the keys are stable."""
    from mailtenant.control import customers, migrations
    from mailtenant.migration.evidence import Item

    row, found = migrations.load(session, tenant)
    window = found.window
    return {
        "label": tenant.label,
        "label_confirmed": tenant.label_confirmed_at is not None,
        "organisation": tenant.organisation,
        "state": found.state.value,
        "reason": found.failure.why if found.failure else found.reason,
        "fix": found.failure.fix if found.failure else "",
        "smtp_host": tenant.smtp_host,
        "imap_host": tenant.imap_host,
        "tenant_host": plane.settings.tenant_host(tenant.label),
        "window": {"start": window.start.isoformat(), "minutes": window.minutes} if window else None,
        "until": found.until.isoformat() if found.until else None,
        "contacts": [
            {"name": c.name, "email": c.email, "proven": c.proven_how} for c in customers.contacts(session, tenant.id)
        ],
        "domains": [{"name": d.name, "provider": d.provider} for d in customers.domains(session, tenant.id)],
        "checklist": {item.value: found.checklist.get(item) for item in Item},
        "webhook": tenant.webhook_url,
        "progress": row.progress,
    }
