"""The tables. A change here needs a revision in `alembic/versions`; a test compares the two on both databases."""

from mailtenant.control.tables.base import LARGEST_ID, Base, Utc, may_be_id
from mailtenant.control.tables.customer import ApiKey, AuditEntry, Contact, Domain, Fact, Mailbox, Tenant
from mailtenant.control.tables.moving import ChecklistItem, MigrationEvent, MigrationRow, MigrationRun, Report
from mailtenant.control.tables.telling import Alert, Message, Watched
from mailtenant.control.tables.work import RateHit, Rollout, RolloutRun, Task, Worker

__all__ = [
    "LARGEST_ID",
    "Alert",
    "ApiKey",
    "AuditEntry",
    "Base",
    "ChecklistItem",
    "Contact",
    "Domain",
    "Fact",
    "Mailbox",
    "Message",
    "MigrationEvent",
    "MigrationRow",
    "MigrationRun",
    "RateHit",
    "Report",
    "Rollout",
    "RolloutRun",
    "Task",
    "Tenant",
    "Utc",
    "Watched",
    "Worker",
    "may_be_id",
]  # fmt: skip
