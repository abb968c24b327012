"""Mailboxes copied between the shared host and a tenant, both ways, with UIDs, flags, folders and filters."""

from mailtenant.mailbox_copy.copier import Alarm, Estimate, MailboxCopier, SourceShrank, estimate

__all__ = ["Alarm", "Estimate", "MailboxCopier", "SourceShrank", "estimate"]
