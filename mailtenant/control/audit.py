"""The audit trail: one entry a change, in the change's own transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtenant.control.tables import AuditEntry


def record(session: Session, actor: str, action: str, tenant_id: int | None, at: datetime, **detail: Any) -> None:
    """`actor`: `operator:<login>`, `key:<id>`, `workflow`. `detail`: plain JSON values, never a secret."""
    session.add(AuditEntry(at=at, actor=actor, tenant_id=tenant_id, action=action, detail=detail))


def entries(session: Session, tenant_id: int | None = None, limit: int = 100) -> Sequence[AuditEntry]:
    """The newest first; of one customer, or of all."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if tenant_id is not None:
        query = query.where(AuditEntry.tenant_id == tenant_id)
    return session.scalars(query).all()
