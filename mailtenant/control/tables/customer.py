"""A customer: whom we write to, its domains, mailboxes and keys, and the trail of what was done."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from mailtenant.control.tables.base import Base


class Fact(Base):
    """A single value about this database: which master key it belongs to."""

    __tablename__ = "facts"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Tenant(Base):
    """A customer. Never deleted: a removed one keeps its label, so that no label is ever used twice.

    `smtp_host` and `imap_host` are what `/api/userinfo/` answers; only an event of the migration changes them, both in
    one statement.
    """

    __tablename__ = "tenants"
    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(63), unique=True)
    label_confirmed_at: Mapped[datetime | None]
    label_confirmed_by: Mapped[str | None]
    organisation: Mapped[str]
    smtp_host: Mapped[str]
    imap_host: Mapped[str]
    webhook_url: Mapped[str | None] = mapped_column(Text)
    webhook_secret: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class Contact(Base):
    """Whom we write to. `code`: what a person there has to say back; `proven_at`, `_by`, `_how`: that somebody did."""

    __tablename__ = "contacts"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), index=True)
    name: Mapped[str]
    email: Mapped[str]
    code: Mapped[str | None] = mapped_column(String(16))
    proven_at: Mapped[datetime | None]
    proven_by: Mapped[str | None]
    proven_how: Mapped[str | None] = mapped_column(Text)


class Domain(Base):
    """A customer's domain. `verified_at`: when all planned records were seen last."""

    __tablename__ = "domains"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), index=True)
    name: Mapped[str] = mapped_column(unique=True)
    provider: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]


class Mailbox(Base):
    """A mailbox as the API knows it; its id stays through a move. The hash is what the mail system verifies.

    `state`: creating | active | removing.
    """

    __tablename__ = "mailboxes"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), index=True)
    domain_id: Mapped[int] = mapped_column(ForeignKey("domains.id"), index=True)
    address: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]


class ApiKey(Base):
    """`digest` is a keyed hash of the key; the key itself is nowhere. `hint`: its first characters, for people.

    `expires_at`: refused from then on; None: never by itself.
    """

    __tablename__ = "api_keys"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), index=True)
    name: Mapped[str]
    hint: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuditEntry(Base):
    """Who did what, when. Written in the transaction of the change; never changed, never a secret in it."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    tenant_id: Mapped[int | None] = mapped_column(ForeignKey("tenants.id"), index=True)
    action: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]]
