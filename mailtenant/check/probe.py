"""A mailbox that exists for one check: made in the tenant's database, gone afterwards with its mail."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.errors import AccountError, AccountsUnavailable
from mailtenant.accounts.mail_store import delete_mail, end_sessions, has_mail
from mailtenant.accounts.model import NewMailbox
from mailtenant.accounts.passwords import generate_password, hash_password
from mailtenant.accounts.store import AccountStore
from mailtenant.check.failures import CheckFailed
from mailtenant.check.state import Login
from mailtenant.settings import TenantSettings

PREFIX = "mailtenant-check-"
# Older ones belong to a check that was killed.
_STALE = timedelta(hours=1)
_OURS = re.compile(rf"{PREFIX}[0-9a-f]{{12}}@")


@contextmanager
def throw_away_mailbox(settings: TenantSettings, token: str) -> Iterator[Login]:
    """A new mailbox of the first domain with a random password. Removed at the end, after every kind of failure.

    Raises: AccountError, when it cannot be made (`--mailbox` is the way around) or not be removed.
    """
    engine = TenantEngine.of(settings)
    login = Login(f"{PREFIX}{token}@{settings.domains[0].name}", generate_password())
    mail_store = _mail_store_runs(engine, login.address)
    with AccountStore(engine) as store:
        if mail_store:
            _remove_stale(store, engine)
        store.add(NewMailbox(login.address, hash_password(login.password), name="probe of mailtenant check"))
    try:
        yield login
    finally:
        # A connection of its own: the other would be as old as the check is long.
        with AccountStore(engine) as store:
            _remove(store, engine, login.address, with_mail=mail_store)


def _mail_store_runs(engine: TenantEngine, address: str) -> bool:
    """Without it nothing is delivered, and nothing can be deleted; the check has other things to say then."""
    try:
        has_mail(engine, address)
    except AccountsUnavailable:
        return False
    return True


def _remove_stale(store: AccountStore, engine: TenantEngine) -> None:
    now = datetime.now(UTC)
    for mailbox in store.mailboxes():
        if _OURS.match(mailbox.address) and now - mailbox.created_at > _STALE:
            _remove(store, engine, mailbox.address, with_mail=True)


def _remove(store: AccountStore, engine: TenantEngine, address: str, *, with_mail: bool) -> None:
    """The account first, so that nothing more is delivered; then its sessions, then its mail."""
    try:
        store.remove(address)
    finally:
        if with_mail:
            try:
                end_sessions(engine, address)
            finally:
                delete_mail(engine, address)


def cannot_probe(error: AccountError) -> CheckFailed:
    """Why there is no throw-away mailbox, and what to do. The steps that need none are tried all the same."""
    if isinstance(error, AccountsUnavailable):
        cause, _, fix = str(error).partition("; ")
        return CheckFailed(cause, fix or "see the logs of the tenant's database")
    return CheckFailed(str(error), "use a mailbox that exists: --mailbox ADDRESS --password-stdin")
