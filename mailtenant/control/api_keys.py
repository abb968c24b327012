"""API keys: made and shown once, imported from an older platform, revoked. Only a keyed hash is stored."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtenant.control import audit
from mailtenant.control.errors import Conflict, ControlError, NotFound
from mailtenant.control.keys import HINT, new_key
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import ApiKey, Tenant, may_be_id

SHORTEST = 20
LONGEST = 512
"""A longer one is not looked for."""


def create(plane: ControlPlane, session: Session, tenant: Tenant, name: str, *, actor: str) -> tuple[ApiKey, str]:
    """The row, and the key itself: this is the only time that anybody sees it."""
    key = new_key()
    return _store(plane, session, tenant, name, key, key[:HINT], "apikey.create", actor), key


def take_over(plane: ControlPlane, session: Session, tenant: Tenant, name: str, key: str, *, actor: str) -> ApiKey:
    """A key that the customer has from before, so that its programs go on without a change. No part of it is kept.

    Raises: ControlError, Conflict
    """
    if not SHORTEST <= len(key) <= LONGEST or not key.isascii() or not key.isprintable() or " " in key:
        raise ControlError(f"an API key has {SHORTEST} to {LONGEST} printable ASCII characters, without spaces")
    return _store(plane, session, tenant, name, key, "(imported)", "apikey.import", actor)


def every(session: Session, tenant_id: int) -> Sequence[ApiKey]:
    return session.scalars(select(ApiKey).where(ApiKey.tenant_id == tenant_id).order_by(ApiKey.id)).all()


def revoke(plane: ControlPlane, session: Session, tenant: Tenant, key_id: int, *, actor: str) -> ApiKey:
    """Refused from the next request on. Raises: NotFound"""
    row = session.get(ApiKey, key_id) if may_be_id(key_id) else None
    if row is None or row.tenant_id != tenant.id:
        raise NotFound(f"{tenant.label} has no key of that number; `mailtenant key list {tenant.label}`")
    if row.revoked_at is None:
        row.revoked_at = plane.now()
        audit.record(session, actor, "apikey.revoke", tenant.id, plane.now(), key=key_id)
    return row


def _store(
    plane: ControlPlane, session: Session, tenant: Tenant, name: str, key: str, hint: str, action: str, actor: str
) -> ApiKey:
    digest, now = plane.vault.digest(key), plane.now()
    if session.scalar(select(ApiKey.id).where(ApiKey.digest == digest)) is not None:
        raise Conflict("this key is known already; a key belongs to one customer")
    row = ApiKey(tenant_id=tenant.id, name=name, hint=hint, digest=digest, created_at=now)
    session.add(row)
    session.flush()
    audit.record(session, actor, action, tenant.id, now, key=row.id, name=name)
    return row


def as_json(key: ApiKey) -> dict[str, str | int | None]:
    """What may be shown of a key."""

    def shown(at: datetime | None) -> str | None:
        return at.isoformat() if at else None

    return {
        "id": key.id, "name": key.name, "begins_with": key.hint,
        "created": shown(key.created_at), "revoked": shown(key.revoked_at),
    }  # fmt: skip
