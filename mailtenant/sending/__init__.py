"""How much a tenant may send: the live file that the filter reads, and the counters that it keeps."""

from mailtenant.sending.document import limits_document
from mailtenant.sending.own_domains import own_domains

__all__ = ["limits_document", "own_domains"]
