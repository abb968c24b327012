"""Names that neither send nor receive mail say so: null MX (RFC 7505), SPF and DMARC that refuse everything."""

from collections.abc import Iterator
from typing import Final

from mailtenant.dns.records import Record, RecordType
from mailtenant.dns.zone_view import ZoneView

NULL_MX: Final = "0 ."
REFUSALS: Final[tuple[tuple[str, RecordType, str, str], ...]] = (
    ("", "MX", NULL_MX, "takes no mail"),
    ("", "TXT", "v=spf1 -all", "sends no mail"),
    ("_dmarc.", "TXT", "v=DMARC1; p=reject", "receivers refuse what claims to come from it"),
)


def no_mail_records(view: ZoneView) -> Iterator[Record]:
    for name in view.domain.no_mail:
        for prefix, type_, value, reason in REFUSALS:
            yield view.record(prefix + name, type_, value, f"{name} {reason}")
