"""How much a tenant may send: the live file that the filter reads, and the counters that it keeps."""

from mailtenant.sending.document import limits_document

__all__ = ["limits_document"]
