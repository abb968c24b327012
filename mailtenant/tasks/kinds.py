"""What a task does: its items, one after the other, each repeatable. An item's answer goes into the task's outputs."""

import logging
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailtenant.accounts.errors import AccountError
from mailtenant.control.errors import ControlError
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Domain, Mailbox, MigrationRow, Task, Tenant
from mailtenant.dns.findings import PlanRefused
from mailtenant.fleet.stacks import StackError
from mailtenant.migration import Side, State
from mailtenant.rest import ApiError
from mailtenant.settings.errors import SettingsErrors
from mailtenant.tasks import book
from mailtenant.tasks.systems import MailSystem, SystemRefused, Systems

ANSWERS: Final = (
    AccountError, ApiError, ControlError, PlanRefused, SettingsErrors, StackError, SystemRefused,
)  # fmt: skip
"""What a mail system may say; anything else is a defect of ours."""
AWAY: Final = (OperationalError, InterfaceError, PoolTimeout)
"""Our database is away or busy: the same again may succeed."""
MAILBOX_KINDS: Final = ("mailbox.add", "mailbox.password", "mailbox.remove")
DNS_KINDS: Final = ("dns.push", "dns.repush", "dns.verify", "dns.clean")
ASK_SUPPORT: Final = (
    "your wish is noted; support adds a domain once it is proven to be yours: write to them with this task's id"
)
_log = logging.getLogger(__name__)


class Later(Exception):
    """Not while the customer moves; the task waits."""


def items(task: Task) -> list[Any]:
    """What the task goes through."""
    if task.kind in DNS_KINDS:
        return list(task.given["domains"])
    # Two steps: that the address was free is known, for good, before anything is made.
    return ["check", "add"] if task.kind == "mailbox.add" else ["do"]


def perform(plane: ControlPlane, systems: Systems, identity: str, number: int) -> dict[str, Any]:
    """One item. `{"ok": bool, "said": str, …}`; the second time it finds its work done. Raises: Later"""
    with plane.database.read() as session:
        task = session.get_one(Task, identity)
        tenant = session.get_one(Tenant, task.tenant_id)
        row = session.scalars(select(MigrationRow).where(MigrationRow.tenant_id == tenant.id)).one()
        kind, item, given = task.kind, items(task)[number], task.given
        if tenant.removed_at is not None:
            # Asked for, or under way, at the very moment of the removal, which cancels all that it finds.
            return {"ok": False, "item": item, "said": "the customer was removed", "stop": True}
        if kind not in book.ALWAYS and State(row.state) in book.MOVING:
            raise Later(book.WAITS)
        system = systems.of(tenant.label, Side(row.serving))
    try:
        if kind in MAILBOX_KINDS:
            return _mailbox(plane, system, kind, str(item), given)
        if kind == "domain.add":
            return _domain(plane, str(given["domain"]), tenant.id)
        if kind == "mailbox.refresh":
            return _refresh(plane, system, tenant.id)
        return _dns(plane, system, kind, str(item), tenant.id)
    except ANSWERS as answer:
        return {"ok": False, "item": item, "said": str(answer)}
    except AWAY:
        raise
    except Exception:
        _log.exception("task %s: item %d", identity, number)
        return {"ok": False, "item": item, "said": "an error of ours; tell support the task's id"}


def _refresh(plane: ControlPlane, system: MailSystem, tenant_id: int) -> dict[str, Any]:
    """Mailboxes that were made elsewhere get an id of their own; those that are gone lose theirs."""
    found = {box.address: box for box in system.mailboxes()}
    with plane.database.write() as session:
        known = {box.address: box for box in session.scalars(select(Mailbox).where(Mailbox.tenant_id == tenant_id))}
        domains = {row.name: row.id for row in session.scalars(select(Domain).where(Domain.tenant_id == tenant_id))}
        added = [box for address, box in found.items() if address not in known]
        for box in added:
            domain = domains.get(box.address.rpartition("@")[2])
            if domain is not None:
                session.add(
                    Mailbox(
                        tenant_id=tenant_id, domain_id=domain, address=box.address, name=box.name, password_hash="",
                        state="active", created_at=plane.now(),
                    )
                )  # fmt: skip
        gone = [box for address, box in known.items() if address not in found and box.state == "active"]
        for row in gone:
            session.delete(row)
    return {"ok": True, "item": "all", "said": f"{len(found)} there, {len(added)} new, {len(gone)} gone"}


def _mailbox(plane: ControlPlane, system: MailSystem, kind: str, step: str, given: dict[str, Any]) -> dict[str, Any]:
    number = int(given["mailbox"])
    with plane.database.read() as session:
        box = session.get(Mailbox, number)
        if box is None:
            return {"ok": kind == "mailbox.remove", "item": number, "said": "it is gone"}
        address, name, stored = box.address, box.name, box.password_hash
    if step == "check":
        free = address not in {found.address for found in system.mailboxes()}
        said = "the address is free" if free else "a mailbox of that address exists already"
        return {"ok": free, "item": number, "said": said, "stop": not free}
    if kind == "mailbox.remove":
        system.remove(address, delete_mail=bool(given.get("delete_mail")))
    elif stored and kind == "mailbox.password":
        system.set_password(address, stored)
    elif stored:
        system.add(address, name, stored)
    with plane.database.write() as session:
        box = session.get(Mailbox, number)
        if box is not None and kind == "mailbox.remove":
            session.delete(box)
        elif box is not None:
            # From here on the mail system alone has the hash.
            box.state = "active"
            box.password_hash = "" if box.password_hash == stored else box.password_hash
    return {"ok": True, "item": number, "said": "done", "email": address}


def _domain(plane: ControlPlane, name: str, tenant_id: int) -> dict[str, Any]:
    """Support's part is done when the customer has the domain (docs/decisions/0029)."""
    with plane.database.read() as session:
        row = session.scalars(select(Domain).where(Domain.tenant_id == tenant_id, Domain.name == name)).one_or_none()
    said = "added; its plan says which records it needs" if row is not None else ASK_SUPPORT
    return {"ok": row is not None, "item": name, "said": said}


def _dns(plane: ControlPlane, system: MailSystem, kind: str, domain: str, tenant_id: int) -> dict[str, Any]:
    if kind != "dns.verify":
        said = system.clean(domain) if kind == "dns.clean" else system.push(domain)
        return {"ok": True, "item": domain, "said": said}
    found = system.verify(domain)
    wrong = [asdict(one) for one in found if not one.ok]
    verified = bool(found) and not wrong
    with plane.database.write() as session:
        row = session.scalars(select(Domain).where(Domain.tenant_id == tenant_id, Domain.name == domain)).one_or_none()
        if row is not None:
            row.verified_at = plane.now() if verified else None
    said = "fully verified" if verified else f"{len(wrong)} of {len(found)} answers are not as planned"
    return {"ok": True, "item": domain, "said": said, "fullyVerified": verified, "wrong": wrong}
