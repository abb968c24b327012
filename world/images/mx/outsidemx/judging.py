"""SPF by pyspf, DKIM by dkimpy, DMARC policy discovery by authheaders: none of them is what a tenant runs.

authheaders' own alignment cuts domains at a hyphen, so only its record lookup and its organisational domain are used;
alignment is the few lines of RFC 7489 §3.1 below.
"""

import email.parser
import email.policy
import email.utils
import functools
from collections.abc import Iterable
from dataclasses import dataclass, field

import authheaders.dmarc_lookup
import dkim
import dns.exception
import spf

_listed_domain = authheaders.dmarc_lookup.get_org_domain


# Kept, for the library parses the whole public suffix list at every call.
@functools.lru_cache(maxsize=4096)
def organisational_domain(domain: str) -> str:
    """One label below the public suffix; for a suffix that is not listed (`test`) the library forgets the rule `*`."""
    found = str(_listed_domain(domain))
    return found if "." in found else ".".join(domain.split(".")[-2:])


authheaders.dmarc_lookup.get_org_domain = organisational_domain


@dataclass(frozen=True)
class Client:
    """Who connected, and how."""

    address: str
    ehlo: str
    ptr: str | None = None
    forward_confirmed: bool = False
    tls: str | None = None
    cipher: str | None = None


@dataclass(frozen=True)
class Spf:
    result: str
    domain: str
    identity: str  # mailfrom | helo
    reason: str


@dataclass(frozen=True)
class DkimSignature:
    result: str
    domain: str
    selector: str
    reason: str
    algorithm: str = ""
    key_bits: int = 0
    signed_headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dmarc:
    result: str
    domain: str
    policy: str
    reason: str
    spf_aligned: bool = False
    dkim_aligned: bool = False


@dataclass(frozen=True)
class Verdicts:
    spf: Spf
    dkim: tuple[DkimSignature, ...]
    dmarc: Dmarc
    dkim_result: str = field(default="none")  # pass when one signature passes


def judge(raw: bytes, client: Client, sender: str) -> Verdicts:
    """Everything that this exchanger thinks of one message."""
    spf_verdict = judge_spf(client, sender)
    signatures = judge_dkim(raw)
    return Verdicts(
        spf=spf_verdict,
        dkim=signatures,
        dmarc=judge_dmarc(raw, spf_verdict, signatures),
        dkim_result=_best(signature.result for signature in signatures),
    )


def judge_spf(client: Client, sender: str) -> Spf:
    """RFC 7208: the envelope sender's domain, or the EHLO name for the null sender (§2.4)."""
    identity = "mailfrom" if sender else "helo"
    result, reason = spf.check2(i=client.address, s=sender, h=client.ehlo)
    domain = sender.rpartition("@")[2] if sender else client.ehlo
    return Spf(result=str(result).lower(), domain=domain.lower(), identity=identity, reason=str(reason))


def judge_dkim(raw: bytes) -> tuple[DkimSignature, ...]:
    headers, _ = dkim.rfc822_parse(raw)
    count = sum(1 for name, _ in headers if name.lower() == b"dkim-signature")
    return tuple(_judge_signature(raw, index) for index in range(count))


def _judge_signature(raw: bytes, index: int) -> DkimSignature:
    verifier = dkim.DKIM(raw)
    try:
        good = verifier.verify(idx=index)
        result, reason = ("pass", "") if good else ("fail", "signature does not match")
    except dkim.DnsTimeoutError as error:
        result, reason = "temperror", str(error)
    except dkim.DKIMException as error:
        result, reason = "permerror", str(error)
    except dns.exception.DNSException as error:
        result, reason = "temperror", str(error)
    fields = verifier.signature_fields
    return DkimSignature(
        result=result,
        reason=reason,
        domain=_text(fields.get(b"d", b"")).lower(),
        selector=_text(fields.get(b"s", b"")),
        algorithm=_text(fields.get(b"a", b"")),
        key_bits=int(verifier.keysize or 0),
        signed_headers=tuple(_text(name).lower() for name in getattr(verifier, "include_headers", ())),
    )


def from_domains(raw: bytes) -> list[str]:
    """The domains in header From, lower case, in their ASCII form."""
    headers = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(raw)
    values = [str(value) for value in headers.get_all("From", [])]
    domains = []
    for _, address in email.utils.getaddresses(values):
        domain = address.rpartition("@")[2].strip().lower()
        try:
            domains.append(domain.encode("idna").decode("ascii"))
        except UnicodeError:
            domains.append(domain)
    return [domain for domain in domains if domain]


def judge_dmarc(raw: bytes, spf_verdict: Spf, signatures: tuple[DkimSignature, ...]) -> Dmarc:
    """RFC 7489: exactly one author domain, its published policy, and one aligned pass."""
    authors = from_domains(raw)
    if len(authors) != 1:
        return Dmarc("permerror", ",".join(authors), "none", f"{len(authors)} author domains in From")
    author = authors[0]
    try:
        record, inherited = authheaders.dmarc_lookup.receiver_record(author)
    except authheaders.dmarc_lookup.DMARCException as error:
        return Dmarc("permerror", author, "none", str(error))
    except dns.exception.DNSException as error:
        return Dmarc("temperror", author, "none", str(error))
    if not record or "p" not in record:
        return Dmarc("none", author, "none", "no DMARC record")
    spf_aligned = spf_verdict.result == "pass" and _aligned(spf_verdict.domain, author, record.get("aspf", "r"))
    dkim_aligned = any(
        signature.result == "pass" and _aligned(signature.domain, author, record.get("adkim", "r"))
        for signature in signatures
    )
    policy = record.get("sp", record["p"]) if inherited else record["p"]
    passed = spf_aligned or dkim_aligned
    return Dmarc(
        "pass" if passed else "fail", author, policy, "" if passed else "no aligned pass", spf_aligned, dkim_aligned
    )


def _aligned(domain: str, author: str, mode: str) -> bool:
    if mode == "s":
        return domain == author
    return organisational_domain(domain) == organisational_domain(author)


def _best(results: Iterable[str]) -> str:
    found = set(results)
    for result in ("pass", "temperror", "fail", "permerror"):
        if result in found:
            return result
    return "none"


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace")
