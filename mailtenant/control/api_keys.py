"""API keys: made and shown once, imported from an older platform, expired, revoked. Only a keyed hash is stored."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

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


def create(
    plane: ControlPlane, session: Session, tenant: Tenant, name: str, *, actor: str, expires: str | None = None
) -> tuple[ApiKey, str]:
    """The row, and the key itself: this is the only time that anybody sees it. `expires`: as `expiry` reads it.

    Raises: ControlError
    """
    key = new_key()
    return _store(plane, session, tenant, name, key, key[:HINT], "apikey.create", actor, expires), key


def take_over(
    plane: ControlPlane, session: Session, tenant: Tenant, name: str, key: str, *, actor: str,
    expires: str | None = None,
) -> ApiKey:  # fmt: skip
    """A key that the customer has from before, so that its programs go on without a change. No part of it is kept.

    Raises: ControlError, Conflict
    """
    if not SHORTEST <= len(key) <= LONGEST or not key.isascii() or not key.isprintable() or " " in key:
        raise ControlError(f"an API key has {SHORTEST} to {LONGEST} printable ASCII characters, without spaces")
    return _store(plane, session, tenant, name, key, "(imported)", "apikey.import", actor, expires)


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


def expiry(text: str | None, now: datetime) -> datetime | None:
    """When a key ends: after so many days ("90"), or as a day begins in UTC ("2027-01-31"). None: it does not.

    Raises: ControlError
    """
    if text is None:
        return None
    try:
        if text.isascii() and text.isdigit():
            at = now + timedelta(days=int(text))
        else:
            at = datetime.combine(date.fromisoformat(text), time(), UTC)
    except (ValueError, OverflowError):
        raise ControlError("a key's expiry is a number of days (90) or a day (2027-01-31)") from None
    if at <= now:
        raise ControlError("a key's expiry lies in the future; to end a key now, revoke it")
    return at


def _store(
    plane: ControlPlane, session: Session, tenant: Tenant, name: str, key: str, hint: str, action: str, actor: str,
    expires: str | None,
) -> ApiKey:  # fmt: skip
    digest, now = plane.vault.digest(key), plane.now()
    ends = expiry(expires, now)
    if session.scalar(select(ApiKey.id).where(ApiKey.digest == digest)) is not None:
        raise Conflict("this key is known already; a key belongs to one customer")
    row = ApiKey(tenant_id=tenant.id, name=name, hint=hint, digest=digest, created_at=now, expires_at=ends)
    session.add(row)
    session.flush()
    audit.record(session, actor, action, tenant.id, now, key=row.id, name=name, expires=_shown(ends))
    return row


def as_json(key: ApiKey) -> dict[str, str | int | None]:
    """What may be shown of a key."""
    return {
        "id": key.id, "name": key.name, "begins_with": key.hint, "created": _shown(key.created_at),
        "expires": _shown(key.expires_at), "revoked": _shown(key.revoked_at),
    }  # fmt: skip


def _shown(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
