"""The record: one value at one name, with the reason why it is there. All of `mailtenant.dns` speaks in these."""

from dataclasses import dataclass
from typing import Literal

RecordType = Literal["A", "AAAA", "CNAME", "MX", "PTR", "SOA", "NS", "SRV", "TXT"]


@dataclass(frozen=True, order=True)
class Record:
    """`name` is absolute without the trailing dot, `ttl` is in seconds.

    `value` is the record's data in one plain form: a TXT's whole text unquoted and unsplit; an MX as
    `10 mail.example.com` (RFC 1035 §3.3, targets without trailing dot). Writers turn it into their provider's dialect.
    """

    zone: str
    name: str
    type: RecordType
    value: str
    ttl: int
    reason: str
    owner: Literal["platform", "customer"]


def split_text(text: str) -> tuple[bytes, ...]:
    """A TXT value as character-strings of at most 255 octets (RFC 1035 §3.3.14).

    Joined without a space they give it back.
    """
    octets = text.encode()
    return tuple(octets[at : at + 255] for at in range(0, len(octets), 255)) or (b"",)
