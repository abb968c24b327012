"""What makes the checklist's items green by proof: a contact that has answered, keys that read their zones, a size that
was agreed. Functions of a session; the caller owns the transaction.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from mailtenant.control import audit, customers, migrations, outbox, reports
from mailtenant.control.errors import Conflict, ControlError, NotFound
from mailtenant.control.plane import ControlPlane
from mailtenant.control.reports import Kind
from mailtenant.control.tables import Contact, Tenant
from mailtenant.migration import usage
from mailtenant.migration.evidence import Item

PREFLIGHT: Final = "preflight"
"""Who turned the item `dns` green when a read of the zones did."""
BY_KEY: Final = ("cloudflare", "godaddy")
_SIGNS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH: Final = 10


def ask_contact(plane: ControlPlane, session: Session, tenant: Tenant, email: str, *, actor: str) -> Contact:
    """Writes to a contact and asks for an answer with the code in that message. Again: a new code.

    Raises: NotFound
    """
    contact = _contact(session, tenant, email)
    contact.code = "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))
    outbox.write_contact(plane, session, tenant, contact, contact.code)
    audit.record(session, actor, "contact.ask", tenant.id, plane.now(), email=contact.email)
    return contact


def answered(plane: ControlPlane, session: Session, tenant: Tenant, code: str, *, by: str, actor: str) -> Contact:
    """The code came back: that contact reads what we write. Raises: NotFound"""
    said = code.strip().upper()
    for contact in customers.contacts(session, tenant.id):
        if contact.code is not None and secrets.compare_digest(contact.code.encode(), said.encode()):
            _proven(plane, session, tenant, contact, "answered with the code of our message", by=by, actor=actor)
            return contact
    raise NotFound("this is not the code of our newest message to a contact; look at the mail again, or ask support")


def receipt(plane: ControlPlane, session: Session, tenant: Tenant, email: str, how: str, *, actor: str) -> Contact:
    """The contact was reached in another way; `how` says which and what shows it. Raises: NotFound, ControlError"""
    if not how.strip():
        raise ControlError("say how the contact was reached, and what shows it: a ticket, the time of a call")
    contact = _contact(session, tenant, email)
    _proven(plane, session, tenant, contact, how.strip(), by=actor, actor=actor)
    return contact


def _proven(
    plane: ControlPlane, session: Session, tenant: Tenant, contact: Contact, how: str, *, by: str, actor: str
) -> None:
    contact.code, contact.proven_at, contact.proven_by, contact.proven_how = None, plane.now(), by, how
    audit.record(session, actor, "contact.proven", tenant.id, plane.now(), email=contact.email, how=how)
    note = f"{contact.name} <{contact.email}>: {how}"
    migrations.check_item(plane, session, tenant, Item.CONTACT, green=True, by=by, note=note, actor=actor)


def note_keys(
    plane: ControlPlane, session: Session, tenant: Tenant, found: Sequence[Mapping[str, Any]], *, actor: str
) -> bool | None:
    """What the keys' preflight found: the item `dns` turns green or red by it. `found`: zone, question, ok, said.

    True: green; False: red; None: a person has to agree, since records are entered by hand.
    """
    by_key, by_hand = _zones(session, tenant)
    reports.put(plane, session, tenant.id, Kind.DNS, {"findings": [dict(one) for one in found]})
    red = [f"{one['zone']}: {one['said']}" for one in found if not one["ok"]]
    red += [f"{zone}: its key was not asked" for zone in sorted(by_key - {str(one["zone"]) for one in found})]
    green = migrations.checklist(session, tenant.id).get(Item.DNS)
    if red:
        if green is not None:
            migrations.check_item(plane, session, tenant, Item.DNS, green=False, by=PREFLIGHT, actor=actor)
        return False
    if not by_key or by_hand:
        return None if green is None else True
    note = f"read with the stored keys: {', '.join(sorted(by_key))}"
    migrations.check_item(plane, session, tenant, Item.DNS, green=True, by=PREFLIGHT, note=note, actor=actor)
    return True


def agree_size(
    plane: ControlPlane, session: Session, tenant: Tenant, *, by: str, actor: str, size: str | None = None,
    mailboxes: int | None = None, domains: int | None = None, storage_gib: int | None = None, note: str = "",
) -> None:  # fmt: skip
    """The proposal of the usage report, or what the customer wants in its place; the item `usage` turns green.

    Without a report nothing can be changed, only reviewed. Raises: ControlError
    """
    found = reports.get(session, tenant.id, Kind.USAGE)
    wishes = (size, mailboxes, domains, storage_gib)
    if found is not None:
        try:
            plan = usage.changed(usage.Plan(**found.content["proposed"]), *wishes)
        except ValueError as error:
            raise ControlError(str(error)) from None
        how = "changed" if any(wish is not None for wish in wishes) else "acknowledged"
        reports.put(plane, session, tenant.id, Kind.AGREED, {**vars(plan), "by": by, "how": how})
        audit.record(session, actor, f"usage.{how}", tenant.id, plane.now(), by=by, **vars(plan))
    elif any(wish is not None for wish in wishes):
        raise Conflict("there is no usage report that could be changed yet; ask support for one")
    migrations.check_item(plane, session, tenant, Item.USAGE, green=True, by=by, note=note, actor=actor)


def by_hand(
    plane: ControlPlane, session: Session, tenant: Tenant, item: Item, *, green: bool, by: str, note: str, actor: str
) -> None:
    """An operator's word. Not where a proof is to be had: for a contact nobody has reached, for keys.

    Raises: Conflict
    """
    label = tenant.label
    if green and item is Item.CONTACT and not any(one.proven_at for one in customers.contacts(session, tenant.id)):
        raise Conflict(
            f"no contact has answered yet: mailtenant customer ask-contact {label} EMAIL, then "
            f"mailtenant customer prove-contact {label} --code CODE; or --receipt with what shows it"
        )
    if green and item is Item.DNS and not _keys_proven(session, tenant):
        raise Conflict(f"its keys have not read their zones yet: mailtenant migrate preflight {label}")
    migrations.check_item(plane, session, tenant, item, green=green, by=by, note=note, actor=actor)


def _keys_proven(session: Session, tenant: Tenant) -> bool:
    by_key, _ = _zones(session, tenant)
    row = reports.get(session, tenant.id, Kind.DNS)
    findings = row.content["findings"] if row else []
    bad = {one["zone"] for one in findings if not one["ok"]}
    return by_key <= {one["zone"] for one in findings} - bad


def zones_by_key(session: Session, tenant: Tenant) -> set[str]:
    """The customer's domains that are written with a key of its own."""
    return _zones(session, tenant)[0]


def _zones(session: Session, tenant: Tenant) -> tuple[set[str], set[str]]:
    """Domains that are written with a key, and those whose records people enter."""
    rows = customers.domains(session, tenant.id)
    return {row.name for row in rows if row.provider in BY_KEY}, {row.name for row in rows if row.provider == "manual"}


def _contact(session: Session, tenant: Tenant, email: str) -> Contact:
    for one in customers.contacts(session, tenant.id):
        if one.email.lower() == email.lower():
            return one
    raise NotFound(f"{tenant.label} has no contact of that address; `mailtenant customer show {tenant.label}`")
