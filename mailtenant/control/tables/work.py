"""Work: who carries it out, the tasks of customers, the rollouts of a fleet."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from mailtenant.control.tables.base import Base


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
