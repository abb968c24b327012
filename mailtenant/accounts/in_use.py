"""How much of its capacity a running tenant uses, as the settings' rules want it."""

from collections import Counter

from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.store import AccountStore
from mailtenant.settings import TenantSettings
from mailtenant.settings.live import InUse


def in_use(settings: TenantSettings) -> InUse:
    """Asks the tenant's own database.

    Raises: AccountsUnavailable, if it does not run.
    """
    with AccountStore(TenantEngine.of(settings)) as store:
        mailboxes = [mailbox for mailbox in store.mailboxes() if not mailbox.role]
    by_domain = Counter(mailbox.address.rpartition("@")[2] for mailbox in mailboxes)
    return InUse([mailbox.quota_mib for mailbox in mailboxes], by_domain)
