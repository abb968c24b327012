"""The record: one value at one name, with the reason why it is there. All of `mailtenant.dns` speaks in these."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

RecordType = Literal["A", "AAAA", "CNAME", "MX", "PTR", "SOA", "NS", "SRV", "TXT"]

# What a TXT is for, by how it begins; at a name below `_domainkey` every TXT is a key (RFC 6376 §3.6.1: `v=` may lack).
_TEXT_KINDS = {
    "v=spf1": "spf1",
    "v=dmarc1": "DMARC1",
    "v=dkim1": "DKIM1",
    "v=stsv1": "STSv1",
    "v=tlsrptv1": "TLSRPTv1",
}


@dataclass(frozen=True, order=True)
class Record:
    """`name` is absolute without the trailing dot, `ttl` is in seconds (1 at Cloudflare: its `auto`).

    `value` is the record's data in one plain form: a TXT's whole text unquoted and unsplit; an MX as
    `10 mail.example.com`, an SRV as `0 1 993 mail.example.com` (targets without trailing dot; none is `0 .` and
    `0 0 0 .`). Writers turn it into their provider's dialect. `zone` is a customer domain, the tenant host, or for a
    PTR the reverse zone.
    """

    zone: str
    name: str
    type: RecordType
    value: str
    ttl: int
    reason: str
    owner: Literal["platform", "customer"]

    @property
    def slot(self) -> "Slot":
        return slot_of(self.name, self.type, self.value)


class Slot(NamedTuple):
    """What comes under management as one: a name and a type, and for TXT the kind of text."""

    name: str
    type: str
    kind: str


def slot_of(name: str, type_: str, value: str) -> Slot:
    """The slot of a record, planned or found."""
    return Slot(name, type_, text_kind(name, value) if type_ == "TXT" else "")


def text_kind(name: str, value: str) -> str:
    """spf1, DMARC1, DKIM1, STSv1 or TLSRPTv1; empty for any other text."""
    if "._domainkey." in name:
        return "DKIM1"
    first = value.replace(";", " ").split(" ", 1)[0].lower()
    return _TEXT_KINDS.get(first, "")


def split_text(text: str) -> tuple[bytes, ...]:
    """A TXT value as character-strings of at most 255 octets (RFC 1035 §3.3.14).

    Joined without a space they give it back.
    """
    octets = text.encode()
    return tuple(octets[at : at + 255] for at in range(0, len(octets), 255)) or (b"",)
