"""The record: one value at one name, with the reason why it is there. All of `mailtenant.dns` speaks in these."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

RecordType = Literal["A", "AAAA", "CNAME", "MX", "PTR", "SOA", "NS", "SRV", "TXT"]

# What a TXT is for, by how it begins; at a name below `_domainkey` every TXT is a key (RFC 6376 §3.6.1: `v=` may lack).
_TEXT_KINDS = {
    "dmarc1": "DMARC1",
    "dkim1": "DKIM1",
    "stsv1": "STSv1",
    "tlsrptv1": "TLSRPTv1",
}
_VERSION = re.compile(r"\s*v\s*=\s*([a-z0-9]+)(?:[;\s]|$)", re.I)


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
    if value.lower() == "v=spf1" or value.lower().startswith("v=spf1 "):
        return "spf1"
    # Blanks may stand around the `=` of a tag (RFC 7489 §6.4, RFC 8461 §3.1); an SPF record knows none.
    found = _VERSION.match(value)
    return _TEXT_KINDS.get(found[1].lower(), "") if found else ""


def parents(name: str, zone: str) -> Iterator[str]:
    """The name and those above it, up to the zone, which is not among them."""
    while name != zone and name.endswith(f".{zone}"):
        yield name
        name = name.partition(".")[2]


# Octets that are no UTF-8 stand in a text as U+EF80 … U+EFFF (as in MirOS' OPTU-8): an old zone may hold Latin-1, and
# neither YAML nor JSON can carry a lone octet or a surrogate.
_LONE: Final = 0xEF00


def to_text(octets: bytes) -> str:
    """Octets of a TXT as text; `to_octets` gives exactly these back."""
    found = octets.decode("utf-8", "surrogateescape")
    # What stands for an octet cannot stand for itself.
    found = re.sub("[\uef80-\uefff]", lambda one: one[0].encode().decode("ascii", "surrogateescape"), found)
    return re.sub("[\udc80-\udcff]", lambda one: chr(ord(one[0]) - 0xDC00 + _LONE), found)


def to_octets(text: str) -> bytes:
    """Raises: UnicodeEncodeError, for a lone surrogate."""
    lone = re.sub("[\uef80-\uefff]", lambda one: chr(ord(one[0]) - _LONE + 0xDC00), text)
    if re.search("[\ud800-\udfff]", text):
        text.encode()  # raises
    return lone.encode("utf-8", "surrogateescape")


def split_text(text: str) -> tuple[bytes, ...]:
    """A TXT value as character-strings of at most 255 octets (RFC 1035 §3.3.14).

    Joined without a space they give it back.
    """
    octets = to_octets(text)
    return tuple(octets[at : at + 255] for at in range(0, len(octets), 255)) or (b"",)
