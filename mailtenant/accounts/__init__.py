"""Accounts of one tenant: mailboxes, aliases, their passwords and quotas, in the tenant's own database."""

from mailtenant.accounts.document import accounts_document
from mailtenant.accounts.errors import AccountError, AccountsUnavailable, ImportRefused
from mailtenant.accounts.store import AccountStore

__all__ = ["AccountError", "AccountStore", "AccountsUnavailable", "ImportRefused", "accounts_document"]
