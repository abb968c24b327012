"""Mailboxes copied between the shared host and a tenant, both ways, with UIDs, flags, folders and filters."""

from mailtenant.mailbox_copy.copier import Estimate, MailboxCopier, estimate
from mailtenant.mailbox_copy.one_pass import Alarm, SourceShrank

__all__ = ["Alarm", "Estimate", "MailboxCopier", "SourceShrank", "estimate"]
