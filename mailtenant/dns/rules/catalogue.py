"""Every rule by its id: its level, what it asks for, and who keeps what the planned records do not show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mailtenant.dns.findings import Level


@dataclass(frozen=True)
class Rule:
    """`elsewhere` names who keeps the part of the rule that records do not show."""

    level: Level
    text: str
    elsewhere: str = ""


RULES: Final[Mapping[str, Rule]] = {
    "TXT-1": Rule("E", "a text fits into strings of at most 255 octets, 65,535 in all"),
    "TXT-2": Rule("E", "the strings joined are the exact text; no control characters"),
    "TXT-3": Rule("E", "a text is in the plain form, not in a provider's quotes", "each writer, by its round trip"),
    "TXT-4": Rule("W", "name and texts of one answer stay below 450 octets"),
    "NAME-1": Rule("E", "labels of 1 to 63 octets, names up to 253, letters, digits, hyphens, known service labels"),
    "NAME-2": Rule("E", "names are absolute and in their zone, the zone's name once; targets have no trailing dot"),
    "NAME-3": Rule("E", "an alias is alone at its name, and never at the top of a zone"),
    "MX-1": Rule("E", "an MX target is a host name with an address, no address itself, no alias; ours has no other's"),
    "MX-2": Rule("E", "preference 0 to 65535, a null MX alone, no target twice"),
    "MX-3": Rule("E", "no proxy in front of a mail host", "the Cloudflare writer never switches it on"),
    "SPF-1": Rule("E", "one SPF record a name"),
    "SPF-2": Rule("E", "at most 10 terms that ask DNS, counted through includes; at most 10 hosts an `mx`"),
    "SPF-3": Rule("W", "at most 2 lookups without an answer, and no include of nothing"),
    "SPF-4": Rule("E", "only SPF terms; never `+all`, never `ptr`; `all` last; no `redirect` beside `all`; no type 99"),
    "SPF-5": Rule("E", "no network wider than /16 (IPv6: /32), no private one outside reserved test domains"),
    "SPF-6": Rule("W", "`~all`, or `-all` when the settings ask for it"),
    "SPF-7": Rule("E", "every egress address passes when the record is evaluated"),
    "DKIM-1": Rule("E", "a key is at `<selector>._domainkey.<domain>`"),
    "DKIM-2": Rule("E", "RSA of 2048 to 4096 bits; 1024 only inherited, with a warning", "`mailtenant dns verify`"),
    "DKIM-3": Rule("E", "Ed25519 keys have 32 octets, and an RSA key signs beside them", "the settings"),
    "DKIM-4": Rule("E", "no `t=y`, SHA-256 allowed, a revoked key is an empty `p=`"),
    "DKIM-5": Rule(
        "E", "the signature covers the headers that matter", "templates/rspamd, tests/unit/templates/test_filter_config"
    ),
    "DKIM-6": Rule("W", "each domain has a key of its own", "`mailtenant validate` refuses one key in two tenants"),
    "DMARC-1": Rule("E", "one DMARC record a name; begins with `v=DMARC1;`, then `p`"),
    "DMARC-2": Rule("E", "tags have values that the RFC knows"),
    "DMARC-3": Rule("W", "`pct`, `rf` and `ri` are read and no longer written (RFC 9989)"),
    "DMARC-4": Rule("E", "reports go to `mailto:` addresses, authorised where they are another domain's"),
    "DMARC-5": Rule("E", "what there was is never weakened or dropped"),
    "DMARC-6": Rule("E", "a signing key stands in the domain itself, so that signatures align"),
    "PTR-1": Rule("E", "each egress address points to the EHLO name, which points back"),
    "STS-1": Rule("E", "the policy lists every MX, its record's id is made from it, `max_age` is at most a year"),
    "STS-2": Rule(
        "E",
        "`enforce` only with TLS reports; old and new MX are in the policy until settled, nobody else's policy stays",
    ),
    "TLSRPT-1": Rule("E", "`v=TLSRPTv1; rua=` with `mailto:` or `https:` addresses"),
    "TLSA-1": Rule("E", "no TLSA record without a signed zone", "none is planned"),
    "SRV-1": Rule("E", "priority, weight and port in range, no alias as target, `.` only for what is not offered"),
    "TTL-1": Rule("E", "no TTL below what the provider takes (GoDaddy 600 s, Cloudflare 60 s or `auto`)"),
    "TTL-2": Rule("E", "one TTL for all records of a name and type"),
    "OWN-1": Rule("E", "a record that is somebody else's is never replaced"),
    "OWN-2": Rule("E", "values of others at a name and type that we write stay", "each writer: read, merge, write"),
}
