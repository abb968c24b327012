"""Customers: their label, contacts and domains. Functions of a session; the caller owns the transaction."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mailtenant.control import audit
from mailtenant.control.errors import Conflict, ControlError, NotFound
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import (
    ApiKey,
    ChecklistItem,
    Contact,
    Domain,
    Mailbox,
    MigrationRow,
    Report,
    Task,
    Tenant,
)  # fmt: skip
from mailtenant.control.webhook_address import is_signing_secret, is_webhook
from mailtenant.migration import Side, State
from mailtenant.migration.evidence import Item
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import check_email, check_fqdn, check_label, check_plain_text
from mailtenant.settings.proposal import propose_label
from mailtenant.tasks import book

PROVIDERS = ("manual", "cloudflare", "godaddy", "local")


def add(
    plane: ControlPlane,
    session: Session,
    *,
    organisation: str,
    domains: Sequence[str],
    contact: tuple[str, str],
    actor: str,
    label: str | None = None,
    provider: str = "manual",
) -> Tenant:
    """A customer of the shared host, with a label that is proposed from the organisation or the first domain.

    `contact`: name and address. The label is fixed by `confirm`.
    Raises: ControlError, Conflict
    """
    _checked("organisation", check_plain_text, organisation)
    if not domains:
        raise ControlError("a customer needs at least one domain")
    tenant = Tenant(
        label=_free_label(session, label, [organisation, *domains]),
        organisation=organisation,
        smtp_host=plane.settings.shared_smtp_host,
        imap_host=plane.settings.shared_imap_host,
        created_at=plane.now(),
    )
    _unless_taken(session, tenant, "that label was taken this very moment; try again")
    session.add(
        MigrationRow(
            tenant_id=tenant.id,
            state=State.REQUESTED,
            serving=Side.SHARED,
            attempt=1,
            version=0,
            reminded=False,
            records_sent=False,
            reason="",
            progress={},
        )
    )
    audit.record(session, actor, "customer.add", tenant.id, plane.now(), label=tenant.label)
    add_contact(plane, session, tenant, *contact, actor=actor)
    for name in domains:
        add_domain(plane, session, tenant, name, provider=provider, actor=actor)
    return tenant


def find(session: Session, label: str, *, lock: bool = False) -> Tenant:
    """The customer of a label, tombstones excluded. `lock`: nobody else changes its row until the end.

    Raises: NotFound
    """
    query = select(Tenant).where(Tenant.label == label, Tenant.removed_at.is_(None))
    tenant = session.scalar(query.with_for_update() if lock else query)
    if tenant is None:
        raise NotFound("no customer of that label; `mailtenant customer list` shows them")
    return tenant


def every(session: Session) -> Sequence[Tenant]:
    return session.scalars(select(Tenant).where(Tenant.removed_at.is_(None)).order_by(Tenant.label)).all()


def contacts(session: Session, tenant_id: int) -> Sequence[Contact]:
    return session.scalars(select(Contact).where(Contact.tenant_id == tenant_id).order_by(Contact.id)).all()


def domains(session: Session, tenant_id: int) -> Sequence[Domain]:
    return session.scalars(select(Domain).where(Domain.tenant_id == tenant_id).order_by(Domain.id)).all()


def confirm(plane: ControlPlane, session: Session, label: str, *, actor: str, new_label: str | None = None) -> Tenant:
    """Fixes the label, or another one in its place. From then on it never changes.

    Raises: Conflict
    """
    tenant = find(session, label, lock=True)
    if tenant.label_confirmed_at is not None:
        if new_label in (None, tenant.label):
            return tenant
        raise Conflict(f"{label} was confirmed already; a label does not change after that")
    if new_label is not None and new_label != tenant.label:
        tenant.label = _free_label(session, new_label, ())
    tenant.label_confirmed_at, tenant.label_confirmed_by = plane.now(), actor
    audit.record(session, actor, "customer.confirm", tenant.id, plane.now(), label=tenant.label, proposed=label)
    return tenant


def remove(plane: ControlPlane, session: Session, label: str, *, actor: str) -> Sequence[Task]:
    """Leaves a tombstone: the label stays taken for good, since old records may still point at its host. Contacts,
    keys and the list of mailboxes go; domains are free again. No mail is touched.

    Its tasks are cancelled and returned: what waits is over, what runs stops before its next item.
    Raises: Conflict, while its migration is under way.
    """
    tenant = find(session, label, lock=True)
    row = session.scalars(select(MigrationRow).where(MigrationRow.tenant_id == tenant.id)).one()
    resting = {State.REQUESTED, State.DEFERRED, State.OPTED_OUT, State.COMPLETED, State.ROLLED_BACK}
    if State(row.state) not in resting:
        raise Conflict(f"the migration of {label} is {row.state}; defer it or roll it back first")
    # Before the rows that they are about: another customer may have these domains next.
    cancelled = book.cancel_all(plane, session, tenant.id, "cancelled: the customer was removed", actor=actor)
    for contact in contacts(session, tenant.id):
        session.delete(contact)
    session.execute(delete(Report).where(Report.tenant_id == tenant.id))
    session.execute(delete(Mailbox).where(Mailbox.tenant_id == tenant.id))
    session.execute(delete(Domain).where(Domain.tenant_id == tenant.id))
    for key in session.scalars(select(ApiKey).where(ApiKey.tenant_id == tenant.id, ApiKey.revoked_at.is_(None))):
        key.revoked_at = plane.now()
    tenant.removed_at = plane.now()
    tenant.webhook_url = tenant.webhook_secret = None
    audit.record(session, actor, "customer.remove", tenant.id, plane.now(), label=label)
    return cancelled


def add_contact(plane: ControlPlane, session: Session, tenant: Tenant, name: str, email: str, *, actor: str) -> Contact:
    """Whom announcements go to. Raises: ControlError"""
    _checked("contact's name", check_plain_text, name)
    _checked("contact's address", check_email, email)
    if any(one.email.lower() == email.lower() for one in contacts(session, tenant.id)):
        raise Conflict("this address is a contact already; it would get each announcement twice")
    contact = Contact(tenant_id=tenant.id, name=name, email=email)
    session.add(contact)
    audit.record(session, actor, "contact.add", tenant.id, plane.now(), email=email)
    return contact


def remove_contact(plane: ControlPlane, session: Session, tenant: Tenant, email: str, *, actor: str) -> None:
    """Nothing more is announced there; what was written for that address before stays as it is.

    Raises: NotFound; Conflict, if nobody would be left.
    """
    known = contacts(session, tenant.id)
    found = [one for one in known if one.email.lower() == email.lower()]
    if not found:
        raise NotFound(f"{tenant.label} has no contact of that address; `mailtenant customer show {tenant.label}`")
    if len(found) == len(known):
        raise Conflict("it is the only contact, and announcements need one; add the other one first")
    for one in found:
        session.delete(one)
    session.flush()
    item = session.get(ChecklistItem, (tenant.id, Item.CONTACT.value))
    if item and any(one.proven_at for one in found) and not any(one.proven_at for one in contacts(session, tenant.id)):
        # Nobody who has answered is left.
        session.delete(item)
        audit.record(session, actor, "checklist.red", tenant.id, plane.now(), item=Item.CONTACT.value, by=actor)
    audit.record(session, actor, "contact.remove", tenant.id, plane.now(), email=email)


def add_domain(
    plane: ControlPlane, session: Session, tenant: Tenant, name: str, *, provider: str, actor: str
) -> Domain:
    """Raises: ControlError, Conflict"""
    check_new_domain(plane, session, name, provider)
    domain = Domain(tenant_id=tenant.id, name=name, provider=provider, created_at=plane.now())
    _unless_taken(session, domain, "this domain was taken this very moment")
    audit.record(session, actor, "domain.add", tenant.id, plane.now(), domain=name, provider=provider)
    return domain


def check_new_domain(plane: ControlPlane, session: Session, name: str, provider: str) -> None:
    """Whether the domain could be anybody's. What is taken reads the same whoever has it: this customer, another one or
    the platform.

    Raises: ControlError, Conflict
    """
    _checked("domain", check_fqdn, name)
    if provider not in PROVIDERS:
        raise ControlError(f"unknown DNS provider; one of {', '.join(PROVIDERS)}")
    settings = plane.settings
    ours = (settings.platform_domain, settings.shared_smtp_host, settings.shared_imap_host)
    taken = any(name == own or name.endswith(f".{own}") for own in ours)
    if taken or session.scalar(select(func.count()).select_from(Domain).where(Domain.name == name)):
        raise Conflict("this domain cannot be added: it is in use already; if it is yours, ask support")


def set_webhook(
    plane: ControlPlane, session: Session, tenant: Tenant, url: str | None, secret: str | None, *, actor: str
) -> None:
    """Where events are posted, signed with `secret`; None: nowhere. Raises: ControlError"""
    if url is not None and not is_webhook(url):
        raise ControlError("a webhook needs a whole address that begins with https://")
    if url is not None and not secret:
        raise ControlError("a webhook needs a signing secret")
    if url is not None and secret and not is_signing_secret(secret):
        raise ControlError("the signing secret begins with whsec_, but no base64 stands behind it; copy all of it")
    tenant.webhook_url = url
    tenant.webhook_secret = plane.vault.seal(secret) if url and secret else None
    audit.record(session, actor, "webhook.set", tenant.id, plane.now(), on=url is not None)


def _unless_taken(session: Session, row: Tenant | Domain, otherwise: str) -> None:
    """Adds a row whose name somebody else may have taken since we looked. Raises: Conflict"""
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        raise Conflict(otherwise) from None


def _free_label(session: Session, wanted: str | None, names: Sequence[str]) -> str:
    # Tombstones are among them.
    taken = set(session.scalars(select(Tenant.label)))
    if wanted is None:
        found = propose_label(names, taken)
        if found is None:
            raise ControlError("no label can be made from these names; name one with --label")
        return found
    _checked("label", check_label, wanted)
    if wanted in taken:
        raise Conflict("that label is taken, or was in use once: a label is never given twice; take another")
    return wanted


def _checked(what: str, check: object, value: str) -> None:
    try:
        check(value)  # type: ignore[operator]
    except Refusal as refusal:
        raise ControlError(f"the {what} {refusal}") from None
