"""Between the plain form of `Record.value` and the presentation form of zone files (RFC 1035 §5.1), by dnspython."""

from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from mailtenant.dns.records import split_text, to_text

_WITH_TARGET = ("MX", "CNAME", "NS", "SRV", "PTR")


def quoted(text: str) -> str:
    """A TXT as character-strings of at most 255 octets in quotes, separated by a space."""
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, split_text(text)).to_text()


def unquoted(content: str) -> str:
    """The text behind character-strings in quotes."""
    return _joined(dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, content))


def plain_value(type_: str, rdata: Any) -> str:
    """An rdata in the plain form of `Record.value`."""
    if type_ == "TXT":
        return _joined(rdata)
    text = str(rdata.to_text())
    if type_ in _WITH_TARGET and not (text == "." or text.endswith(" .")):
        return text.removesuffix(".")
    return text


def _joined(rdata: Any) -> str:
    return to_text(b"".join(rdata.strings))
