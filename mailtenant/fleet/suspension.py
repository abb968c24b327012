"""A tenant's suspension: nobody logs in, nothing is sent, mail is still taken in (a refusal would lose it).

The mailboxes that it switched off are noted beside the stack file (`stacks/.suspended/<label>.json`), so that its end
switches on exactly these, and not one that was off before.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.store import AccountStore
from mailtenant.fleet.stack_text import replace_text


@dataclass(frozen=True)
class Suspension:
    """Since when (RFC 3339), why, and which mailboxes it switched off."""

    since: str
    reason: str
    mailboxes: tuple[str, ...]


def note_of(stacks: Path, label: str) -> Path:
    return stacks / ".suspended" / f"{label}.json"


def suspension(stacks: Path, label: str) -> Suspension | None:
    """None: the tenant is not suspended."""
    path = note_of(stacks, label)
    if not path.is_file():
        return None
    held = json.loads(path.read_text(encoding="utf-8"))
    return Suspension(held["since"], held["reason"], tuple(held["mailboxes"]))


def suspend(stacks: Path, engine: TenantEngine, reason: str, now: datetime) -> Suspension:
    """Repeatable: mailboxes added meanwhile are switched off as well.

    Raises: AccountsUnavailable
    """
    before = suspension(stacks, engine.label)
    with AccountStore(engine) as store:
        on = [mailbox.address for mailbox in store.mailboxes() if mailbox.enabled]
        # The note comes first: a crash between the two must not forget what was on.
        noted = sorted({*on, *(before.mailboxes if before else ())})
        since = before.since if before else now.isoformat(timespec="seconds")
        held = Suspension(since, reason or (before.reason if before else ""), tuple(noted))
        path = note_of(stacks, engine.label)
        path.parent.mkdir(exist_ok=True)
        replace_text(path, json.dumps(asdict(held), indent=2) + "\n")
        store.set_enabled(noted, enabled=False)
    # In this order: nobody who is thrown out may come back on a cached password.
    engine.run("imap", ["doveadm", "auth", "cache", "flush"], user="0:0")
    engine.run("imap", ["doveadm", "kick", "*"], user="0:0")
    return held


def unsuspend(stacks: Path, engine: TenantEngine) -> list[str]:
    """Switches on what the suspension switched off; gives those. Mailboxes removed meanwhile are left out.

    Raises: AccountsUnavailable
    """
    held = suspension(stacks, engine.label)
    if held is None:
        return []
    with AccountStore(engine) as store:
        changed = store.set_enabled(held.mailboxes, enabled=True)
    engine.run("imap", ["doveadm", "auth", "cache", "flush"], user="0:0")
    note_of(stacks, engine.label).unlink()
    return changed
