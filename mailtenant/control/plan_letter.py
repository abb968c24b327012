"""The plan of a move as a mail to the customer: readable without access to anything, once a contact and version.

The version is a hash of what the mail says, with sizes rounded: mail that comes in meanwhile makes no new plan.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtenant.control import audit, customers
from mailtenant.control.errors import Conflict
from mailtenant.control.outbox import MAIL, put
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Contact, Message, Tenant
from mailtenant.migration import Notice

GIB: Final = 1024**3
WHEN: Final[Mapping[str, str]] = {
    "additive": "before the move", "cutover": "at the move", "settled": "after the move",
}  # fmt: skip
"""Phases of DNS in a customer's words."""
Ask = Callable[[str, Sequence[str]], bool]
"""Version and addresses → whether it may be sent."""


@dataclass(frozen=True)
class Sent:
    """`to` gets this version now; `had` got it before. `refused`: whoever was asked said no."""

    version: str
    to: tuple[str, ...]
    had: tuple[str, ...]
    refused: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"version": self.version, "to": list(self.to), "had_it": list(self.had)}

    def line(self) -> str:
        """For people."""
        if self.refused:
            return "not sent"
        if not self.to:
            return f"version {self.version} of the plan was sent to {', '.join(self.had)} before; not again"
        return f"version {self.version} of the plan is on its way to {', '.join(self.to)}"


def send(plane: ControlPlane, label: str, plan: Mapping[str, Any], *, actor: str, agreed: Ask | None = None) -> Sent:
    """Queues the plan (as `migrate plan --json` prints it) for contacts that have not had this version. `agreed` is
    asked first, if there is anybody to send to.

    Raises: NotFound; Conflict, if there is nobody to write to.
    """
    facts = told(plane, plan)
    version = version_of(facts)
    if agreed is not None:
        with plane.database.read() as session:
            tenant = customers.find(session, label)
            new, had = _contacts(session, tenant, version)
        if new and not agreed(version, [one.email for one in new]):
            return Sent(version, (), tuple(one.email for one in had), refused=True)
    with plane.database.write() as session:
        tenant = customers.find(session, label, lock=True)
        new, had = _contacts(session, tenant, version)
        for contact in new:
            own = facts | {"contact": contact.name, "organisation": tenant.organisation, "label": label}
            put(plane, session, tenant.id, _key(tenant, version, contact), Notice.PLAN.value, MAIL, contact.email, own)
        sent = Sent(version, tuple(one.email for one in new), tuple(one.email for one in had))
        if new:
            audit.record(session, actor, "plan.send", tenant.id, plane.now(), version=version, to=list(sent.to))
    return sent


def told(plane: ControlPlane, plan: Mapping[str, Any]) -> dict[str, Any]:
    """What the mail says of the plan. No mailbox is named, and nothing secret is in a plan."""
    window, settings = plan["window"], plane.settings
    start = datetime.fromisoformat(window["start"]) if window else None
    estimate = plan["estimate"]
    return {
        "shared_host": plan["from"],
        "tenant_host": plan["to"],
        "window_start": start.isoformat() if start else None,
        "window_end": (start + timedelta(minutes=window["minutes"])).isoformat() if start else None,
        "interruption_minutes": window["interruption"] if window else None,
        "mailboxes": len(plan["mailboxes"]),
        "size": _size(plan["octets"]),
        "copy_minutes": _rounded(estimate["copy_seconds"]),
        "freeze_minutes": _rounded(estimate["freeze_seconds"]),
        "steps": [{"does": one["does"], "undo": one["undo"]} for one in plan["steps"]],
        "records": [{**one, "when": WHEN[one["phase"]]} for one in plan["records"]],
        "rollback": [{"does": one["does"]} for one in plan["rollback"]],
        "hold_days": settings.hold_days,
        "support": settings.support_email,
    }


def version_of(facts: Mapping[str, Any]) -> str:
    """The same for the same text."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _size(octets: int) -> str:
    """GiB with two digits that count: 0.12, 3.4, 57."""
    return f"{max(octets / GIB, 0.01):.2g} GiB" if octets < 99 * GIB else f"{round(octets / GIB, -1):.0f} GiB"


def _rounded(seconds: float) -> int:
    """Minutes, at least one; above ten in fives."""
    minutes = max(math.ceil(seconds / 60), 1)
    return minutes if minutes <= 10 else math.ceil(minutes / 5) * 5


def _contacts(session: Session, tenant: Tenant, version: str) -> tuple[list[Contact], list[Contact]]:
    """Those that have not had this version, and those that have."""
    contacts = customers.contacts(session, tenant.id)
    if not contacts:
        raise Conflict(f"{tenant.label} has no contact to send it to; mailtenant customer contact {tenant.label}")
    keys = {_key(tenant, version, one) for one in contacts}
    there = set(session.scalars(select(Message.key).where(Message.key.in_(keys))))
    new = [one for one in contacts if _key(tenant, version, one) not in there]
    return new, [one for one in contacts if one not in new]


def _key(tenant: Tenant, version: str, contact: Contact) -> str:
    return f"plan-{tenant.id}-{version}:{MAIL}-{contact.id}"
