"""The tables. A change here needs a revision in `alembic/versions`; a test compares the two on both databases."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, DateTime, ForeignKey, Index, MetaData, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


LARGEST_ID: Final = 2**31 - 1
"""Of PostgreSQL's `integer`. A driver fails on a larger number where it should find nothing."""


def may_be_id(number: int) -> bool:
    """Whether a row could have this number: to be asked before a number from outside goes into a query."""
    return 0 < number <= LARGEST_ID


class Utc(TypeDecorator[datetime]):
    """An aware time in UTC; SQLite, which knows no zones, holds it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {datetime: Utc, dict[str, Any]: JSON, str: String(255)}  # noqa: RUF012 - SQLAlchemy's form


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


class Worker(Base):
    """A process that carries out work; `mailtenant.workers`. Once `fenced_at` is set, nothing it commits counts."""

    __tablename__ = "workers"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    lease_until: Mapped[datetime]
    fenced_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]


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


class Message(Base):
    """The outbox: one row a message and channel, written in the transaction of the event that it tells of.

    `key` is unique: the same event cannot write it twice. `state`: waiting | sent | dead.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_due", "state", "due_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), index=True)
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


class Task(Base):
    """Long work that a customer asked for. `state`: PENDING | RUNNING | COMPLETED | FAILED | CANCELLED."""

    __tablename__ = "tasks"
    __table_args__ = (Index("ix_tasks_due", "state", "due_at"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    given: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    progress: Mapped[int]
    message: Mapped[str] = mapped_column(Text)
    outputs: Mapped[dict[str, Any]]
    cancel: Mapped[bool]
    attempts: Mapped[int]
    due_at: Mapped[datetime]
    lease_owner: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class AuditEntry(Base):
    """Who did what, when. Written in the transaction of the change; never changed, never a secret in it."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    tenant_id: Mapped[int | None] = mapped_column(ForeignKey("tenants.id"), index=True)
    action: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]]


class Rollout(Base):
    """One change of a fleet. `state`: running | halted | done | ended. `release`: none for a rollout of what changed.

    `options`: concurrency, budget, refresh, probe. `attempt` counts the resumptions of a halted one.
    """

    __tablename__ = "rollouts"
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    release: Mapped[str | None] = mapped_column(String(128))
    attempt: Mapped[int]
    options: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(Text)
    actor: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class RolloutRun(Base):
    """A tenant's part in a rollout. `state`: waiting | running | done | unchanged | failed | reverted | held.

    `step`: edit | up | probe | revert, written before it begins. `before`: the release to go back to. `inputs`: the
    stack file's fingerprint in the plan. `changes`: operation → number of resources.
    """

    __tablename__ = "rollout_runs"
    rollout_id: Mapped[int] = mapped_column(ForeignKey("rollouts.id"), primary_key=True)
    label: Mapped[str] = mapped_column(String(63), primary_key=True)
    position: Mapped[int]
    wave: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    step: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int]
    worker: Mapped[str | None]
    inputs: Mapped[str] = mapped_column(String(64))
    before: Mapped[str] = mapped_column(String(128))
    changes: Mapped[dict[str, Any]]
    error: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class RateHit(Base):
    """Calls that a DNS provider's token has been given at a time. `at`: seconds since 1970."""

    __tablename__ = "rate_hits"
    __table_args__ = (Index("ix_rate_hits_key_at", "key", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    at: Mapped[float]
    amount: Mapped[int]
