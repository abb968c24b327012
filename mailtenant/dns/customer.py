"""Records of one customer domain in one phase."""

from collections.abc import Iterator

from mailtenant.dns.discovery import discovery_records
from mailtenant.dns.dkim import dkim_records
from mailtenant.dns.dmarc import dmarc_record
from mailtenant.dns.mta_sts import mta_sts_records
from mailtenant.dns.no_mail import no_mail_records
from mailtenant.dns.records import Record
from mailtenant.dns.spf import spf_record
from mailtenant.dns.zone_view import ZoneView

MX_PREFERENCE = 10


def customer_records(view: ZoneView) -> Iterator[Record]:
    """All but what another domain's records ask of this zone. Not for the phase `adopted`."""
    name, host = view.name, view.settings.host
    reason = "mail for this domain is delivered to the tenant host"
    yield from view.flipping(name, "MX", f"{MX_PREFERENCE} {host}", reason)
    if view.moved:
        for node in view.settings.smtp_nodes[1:]:
            yield from view.flipping(name, "MX", f"{MX_PREFERENCE} {node.host}", "a further mail server, no worse")
    yield spf_record(view)
    yield from dkim_records(view)
    yield dmarc_record(view)
    yield from mta_sts_records(view)
    yield from discovery_records(view)
    yield from no_mail_records(view)
