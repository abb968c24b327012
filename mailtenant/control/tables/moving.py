"""A customer's move: its state, its run, its checklist, and what was found out on the way."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mailtenant.control.tables.base import Base


class MigrationRow(Base):
    """A customer's migration: `mailtenant.migration.Migration`, and what the workflow reports while it works.

    `version` counts the events.
    """

    __tablename__ = "migrations"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), unique=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    serving: Mapped[str] = mapped_column(String(8))
    attempt: Mapped[int]
    version: Mapped[int]
    window_start: Mapped[datetime | None]
    window_minutes: Mapped[int | None]
    window_interruption: Mapped[int | None]
    reminded: Mapped[bool]
    records_sent: Mapped[bool]
    frozen_at: Mapped[datetime | None]
    cut_over_at: Mapped[datetime | None]
    sign_off_by: Mapped[str | None]
    sign_off_at: Mapped[datetime | None]
    until: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text)
    failed_during: Mapped[str | None] = mapped_column(String(16))
    failed_why: Mapped[str | None] = mapped_column(Text)
    failed_fix: Mapped[str | None] = mapped_column(Text)
    progress: Mapped[dict[str, Any]]


class MigrationRun(Base):
    """The workflow of a migration: what it does and what it has done.

    `number` counts the workflows of this customer. `begun`: steps whose effect may be there; `done`: step → what it
    found, with the time; both in the present attempt. `due_at`: when the workflow wants to look again; `seen_version`:
    the migration's version at its last look. `tries`: failures in a row of the step that is on.
    """

    __tablename__ = "migration_runs"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    number: Mapped[int]
    attempt: Mapped[int]
    workflow: Mapped[str] = mapped_column(unique=True)
    active: Mapped[bool] = mapped_column(index=True)
    step: Mapped[str] = mapped_column(String(32))
    worker: Mapped[str | None]
    why: Mapped[str] = mapped_column(Text)
    begun: Mapped[dict[str, Any]]
    done: Mapped[dict[str, Any]]
    tries: Mapped[int]
    started: Mapped[int]
    due_at: Mapped[datetime | None]
    seen_version: Mapped[int]


class ChecklistItem(Base):
    """A green item of the preparation checklist: who said so, when, on what grounds."""

    __tablename__ = "checklist"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    item: Mapped[str] = mapped_column(String(16), primary_key=True)
    by: Mapped[str]
    at: Mapped[datetime]
    note: Mapped[str] = mapped_column(Text)


class Report(Base):
    """The newest report of a kind on a customer: logins, usage, agreed, dns, verification. `content`: plain JSON."""

    __tablename__ = "reports"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    at: Mapped[datetime]
    content: Mapped[dict[str, Any]]


class MigrationEvent(Base):
    """What happened to a migration, in order. `key`: given by the caller, so that a step run twice counts once."""

    __tablename__ = "migration_events"
    __table_args__ = (UniqueConstraint("migration_id", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    migration_id: Mapped[int] = mapped_column(ForeignKey("migrations.id"))
    version: Mapped[int]
    key: Mapped[str | None] = mapped_column(unique=True)
    event: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(16))
    target: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str]
    at: Mapped[datetime]
    detail: Mapped[dict[str, Any]]
