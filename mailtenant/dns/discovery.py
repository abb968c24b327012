"""How mail clients find the host: SRV records (RFC 6186, RFC 8314 §5.1) and the autoconfiguration names."""

from collections.abc import Iterator
from typing import Final

from mailtenant.dns.records import Record
from mailtenant.dns.zone_view import ZoneView

# Priority, weight, port. Implicit TLS is preferred (RFC 8314 §3.3), STARTTLS on 587 is offered as well.
OFFERED: Final = {"_submissions": (0, 1, 465), "_submission": (10, 1, 587), "_imaps": (0, 1, 993)}
NOT_OFFERED: Final = ("_imap", "_pop3", "_pop3s")


def discovery_records(view: ZoneView) -> Iterator[Record]:
    """They send clients to a host, so they flip with the MX."""
    host = view.settings.host
    if view.domain.discovery:
        for service, (priority, weight, port) in OFFERED.items():
            value = f"{priority} {weight} {port} {host}"
            reason = f"mail clients find {service[1:]} on port {port}"
            yield from view.flipping(f"{service}._tcp.{view.name}", "SRV", value, reason)
        for service in NOT_OFFERED:
            reason = f"{service[1:]} is not offered"
            yield from view.flipping(f"{service}._tcp.{view.name}", "SRV", "0 0 0 .", reason)
    if view.domain.autoconfig:
        for kind, client in (("autoconfig", "Thunderbird"), ("autodiscover", "Outlook")):
            yield from view.flipping(f"{kind}.{view.name}", "CNAME", host, f"{client} finds its settings there")
