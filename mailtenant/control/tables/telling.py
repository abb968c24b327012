"""What is told: messages to customers and operators, alerts, and what the watch saw last."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from mailtenant.control.tables.base import Base


class Message(Base):
    """The outbox: one row a message and channel, written in the transaction of the event that it tells of.

    `key` is unique: the same event cannot write it twice. `state`: waiting | sent | dead. No `tenant_id`: to operators.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_due", "state", "due_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    tenant_id: Mapped[int | None] = mapped_column(ForeignKey("tenants.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(8))
    recipient: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int]
    due_at: Mapped[datetime]
    lease_owner: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)


class Alert(Base):
    """Something that operators are to know. `key` names the event, so it is told once.

    `lasting`: a problem that the watch saw, on until `ended_at`; the others are events, with no end. `tenant`: its
    label, which need not be a customer's.
    """

    __tablename__ = "alerts"
    __table_args__ = (Index("ix_alerts_tenant_ended_at", "tenant", "ended_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    tenant: Mapped[str] = mapped_column(String(63))
    subject: Mapped[str]
    what: Mapped[str] = mapped_column(Text)
    fix: Mapped[str] = mapped_column(Text)
    lasting: Mapped[bool]
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Watched(Base):
    """The watch's newest look at a tenant. `begun_at` claims it: two workers do not look at the same time."""

    __tablename__ = "watched"
    tenant: Mapped[str] = mapped_column(String(63), primary_key=True)
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
