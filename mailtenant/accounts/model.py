"""What the account store gives and takes. Hashes are kept out of every `repr`."""

from dataclasses import dataclass, field
from datetime import datetime

MIB = 1024**2


@dataclass(frozen=True)
class Mailbox:
    """A mailbox as it is. `quota_mib` None: the tenant's default, which `effective_quota_mib` names."""

    address: str
    name: str
    quota_mib: int | None
    effective_quota_mib: int
    enabled: bool
    can_log_in: bool
    role: bool
    created_at: datetime


@dataclass(frozen=True)
class NewMailbox:
    """A mailbox to be made. `password_hash` as `{SCHEME}hash`, None: nobody can log in."""

    address: str
    password_hash: str | None = field(default=None, repr=False)
    quota_mib: int | None = None
    name: str = ""


@dataclass(frozen=True)
class StoredMailbox:
    """A mailbox with its hash, for the export."""

    address: str
    password_hash: str | None = field(repr=False)
    quota_mib: int | None
    name: str


@dataclass(frozen=True)
class Alias:
    """One destination of an alias. `builtin`: exists by itself in every domain, until an own alias takes its place."""

    address: str
    destination: str
    builtin: bool = False


@dataclass(frozen=True)
class DomainState:
    """A domain; not active: gone from the stack file, kept because accounts hang on it."""

    name: str
    active: bool


@dataclass(frozen=True)
class Usage:
    """What is in use, next to what the stack file allows. `refusal`: why the newest settings were not taken over."""

    mailboxes: int
    mailboxes_allowed: int
    domains: tuple[DomainState, ...]
    domains_allowed: int
    storage_promised_mib: int
    storage_mib: int
    default_quota_mib: int
    refusal: str | None


@dataclass(frozen=True)
class Pause:
    """Somebody may not send for now. `scope`: mailbox, domain or tenant; `name` is empty for the tenant."""

    scope: str
    name: str
    reason: str
    since: datetime
