"""The vocabulary: labels, host names, addresses, plain text. Each says its rule's source and, when broken, the fix.

DNS names are lower-case A-labels without a trailing dot (NAME-1 of the record rules; RFC 1123 §2.1, RFC 5890 §2.3).
"""

import re
import unicodedata
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Final

import idna
from pydantic import AfterValidator, BeforeValidator, Strict, StringConstraints

from mailtenant.settings.errors import Refusal

RESERVED_LABELS: Final = frozenset(
    (  # noqa: SIM905 - a list literal of this length is harder to review
        "abuse account accounts admin administrator api app apps assets auth autoconfig autodiscover backup "
        "billing blog calendar cdn cloud console control dashboard demo dev dns docs email files ftp git grafana "
        "help hostmaster imap imaps info inbox internal lists localhost login mail mailer-daemon mailserver manage "
        "metrics monitor mta mta-sts mx mx1 mx2 news noc ns ns1 ns2 ns3 ns4 outbox panel pop pop3 portal "
        "postmaster prod prometheus proxy relay root security shared signup smtp smtps sso staging static stats "
        "status support sysadmin system team test tls tracking unsubscribe vpn web webmail webmaster wpad www "
    ).split()
)
"""Names that belong to the platform, or that a customer could use to pass for it."""

_LDH: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MAILBOX: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
# Characters that reorder the text around them: a name must not read differently from what it is.
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _dns_label(text: str) -> str:
    """One label of a host name.

    Raises: Refusal
    """
    if not text:
        raise Refusal("has an empty part", "write letters, digits or hyphens between the dots")
    if not text.isascii():
        raise Refusal("has letters outside a-z", "write the A-label form, the one that begins with `xn--`")
    if text != text.lower():
        raise Refusal("has upper-case letters", "write it in lower case")
    if len(text) > 63:
        raise Refusal(f"has a part of {len(text)} characters", "63 is the longest that DNS allows")
    if not _LDH.fullmatch(text):
        raise Refusal(
            "is not a DNS name",
            "use letters a-z, digits and hyphens, and begin and end each part with a letter or digit",
        )
    if text[2:4] == "--":
        try:
            valid = text.startswith("xn--") and idna.encode(idna.decode(text)).decode() == text
        except (idna.IDNAError, UnicodeError, IndexError):
            valid = False
        if not valid:
            raise Refusal(
                "has `--` in third place without being a valid A-label", "use another name, or the right `xn--` form"
            )
    return text


def check_label(text: str) -> str:
    """A tenant's label: one DNS label, not reserved.

    Raises: Refusal
    """
    if "." in text:
        raise Refusal("has a dot", "a label is one word; the platform domain is added to it")
    _dns_label(text)
    if text in RESERVED_LABELS:
        raise Refusal("is reserved for the platform", "take another label, for example with the country or trade added")
    if text.isdigit():
        raise Refusal("is only digits", "add a letter, so that nobody takes it for a number or an address")
    return text


def check_fqdn(text: str) -> str:
    """A host or domain name of two labels or more.

    Raises: Refusal
    """
    if text.endswith("."):
        raise Refusal("ends with a dot", "leave the last dot out")
    if "@" in text or "/" in text:
        raise Refusal("is not a domain name", "write only what stands after the `@`, without `https://`")
    labels = text.split(".")
    for label in labels:
        _dns_label(label)
    if len(labels) < 2:
        raise Refusal("is a single name", "write the whole domain, for example with `.com`")
    if len(text) > 253:
        raise Refusal(f"has {len(text)} characters", "253 is the longest that DNS allows")
    if labels[-1].isdigit():
        raise Refusal("is not a domain name: its last part is a number", "write the domain, not an address")
    return text


def check_selector(text: str) -> str:
    """A DKIM selector of one label (RFC 6376 §3.1 allows more; one is what DNS panels handle).

    Raises: Refusal
    """
    return _dns_label(text)


def check_email(text: str) -> str:
    """`local@domain` in ASCII, without quoting (RFC 5321 §4.1.2, dot-string).

    Raises: Refusal
    """
    local, at, domain = text.rpartition("@")
    if not at or len(local) > 64 or not _MAILBOX.fullmatch(local):
        raise Refusal("is not an e-mail address", "write it as name@domain")
    try:
        check_fqdn(domain.lower())
    except Refusal as refusal:
        raise Refusal(f"the part after `@` {refusal.message}", refusal.fix) from None
    return text


def check_report_address(text: str) -> str:
    """Where DMARC reports go: a `mailto:` address (DMARC-4). `,`, `;` and `!` would change the record's meaning.

    Raises: Refusal
    """
    if not text.startswith("mailto:"):
        raise Refusal("is not a `mailto:` address", "write it as mailto:name@domain")
    if re.search(r"[,;!?%]", text):
        raise Refusal("has one of `, ; ! ? %`", "name one plain address an entry")
    check_email(text.removeprefix("mailto:"))
    return text


def check_tls_report_target(text: str) -> str:
    """Where reports on TLS go (TLSRPT-1): `mailto:` or `https:`.

    Raises: Refusal
    """
    if text.startswith("mailto:"):
        return check_report_address(text)
    if not re.fullmatch(r"https://[a-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?", text):
        raise Refusal("is neither a `mailto:` nor a plain `https:` address", "write mailto:name@domain or https://…")
    check_fqdn(re.split(r"[:/]", text.removeprefix("https://"))[0])
    return text


def check_spf_term(text: str) -> str:
    """One SPF term of another's, as it stands in the record (RFC 7208 §4.6.1).

    Raises: Refusal
    """
    mechanism = r"[+?~-]?(?:include|a|mx|ptr|ip4|ip6|exists)(?:[:/][!-~]+)?"
    if not re.fullmatch(rf"(?:{mechanism}|[a-z][a-z0-9_.-]*=[!-~]*)", text, re.I):
        raise Refusal("is not an SPF term", "write it as in the record, for example include:_spf.example.net")
    return text


def check_plain_text(text: str) -> str:
    """Text for people: any script, one line.

    Raises: Refusal
    """
    if any(unicodedata.category(c) in {"Cc", "Cs", "Cn", "Co", "Zl", "Zp"} or c in _BIDI for c in text):
        raise Refusal("has a line break, control or direction character", "write it as plain text in one line")
    if text != text.strip():
        raise Refusal("begins or ends with a space", "remove it")
    return text


def check_platform(text: str) -> str:
    """Where the tenant's engine is.

    Raises: Refusal
    """
    if text == "aws":
        raise Refusal("this release has no platform `aws`", "use `docker`, or `ssh://user@host` for a remote engine")
    if text == "docker" or re.fullmatch(
        r"ssh://[a-z_][a-z0-9_-]{0,31}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(:[0-9]{1,5})?", text
    ):
        return text
    raise Refusal("is not a platform", "write `docker`, or `ssh://user@host` for a remote engine")


# Where a mail server can be: what the internet routes (RFC 4291 §2.4), and unique local addresses (RFC 4193).
_HOSTS6: Final = (IPv6Network("2000::/3"), IPv6Network("fc00::/7"))
# Of these, what is for protocols (Teredo, ORCHID, measurements), examples (RFC 3849, RFC 9637) and 6to4.
_NO_HOSTS6: Final = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16")))


def check_host_address6(address: IPv6Address) -> IPv6Address:
    """An IPv6 address that a host can have on a network, global or unique local.

    Raises: Refusal
    """
    if address.ipv4_mapped is not None:
        raise Refusal("is an IPv4 address in IPv6 form", "write it as `address`; here stands the one beside it")
    if address.scope_id is not None:
        raise Refusal("has a zone (`%…`), which only link-local ones have", "take a global or unique local address")
    if not any(address in network for network in _HOSTS6) or any(address in network for network in _NO_HOSTS6):
        raise Refusal(
            "is not an IPv6 address that a host can have on a network",
            "take a free global or unique local (fd00::/8) one of the edge network",
        )
    return address


def _is_text6(value: object) -> object:
    if isinstance(value, (str, IPv6Address)):
        return value
    raise Refusal("is not text", "write it in the form fd00:99::10, in quotes if need be")


def _is_text(value: object) -> object:
    # pydantic would take numbers and octets for addresses; a stack file writes them as text.
    if isinstance(value, (str, IPv4Address, IPv4Network)):
        return value
    raise Refusal("is not text", "write it in the form 10.99.1.10, in quotes if need be")


Label = Annotated[str, AfterValidator(check_label)]
Fqdn = Annotated[str, AfterValidator(check_fqdn)]
Selector = Annotated[str, AfterValidator(check_selector)]
EmailAddress = Annotated[str, AfterValidator(check_email)]
ReportAddress = Annotated[str, AfterValidator(check_report_address)]
TlsReportTarget = Annotated[str, AfterValidator(check_tls_report_target)]
SpfTermText = Annotated[str, StringConstraints(max_length=255), AfterValidator(check_spf_term)]
PlainText = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(check_plain_text)]
Platform = Annotated[str, AfterValidator(check_platform)]
ImageTag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
NetworkName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")]
Address = Annotated[IPv4Address, BeforeValidator(_is_text)]
Address6 = Annotated[IPv6Address, BeforeValidator(_is_text6), AfterValidator(check_host_address6)]
Subnet = Annotated[IPv4Network, BeforeValidator(_is_text)]
Count = Annotated[int, Strict()]
Factor = Annotated[float, Strict()]
