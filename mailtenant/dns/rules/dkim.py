"""DKIM-1 … DKIM-4, DKIM-6: keys at their names, long enough, in use. DKIM-5 is the filter's configuration."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from mailtenant.dkim import PublicKeyError, check_public_key, rsa_bits
from mailtenant.dns.dkim import delegated_name, tags
from mailtenant.dns.findings import Finding
from mailtenant.dns.records import Record
from mailtenant.dns.rules.context import RuleContext
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import check_selector

BELOW: Final = "._domainkey."


def dkim_findings(context: RuleContext) -> Iterator[Finding]:
    keys = list(context.texts("DKIM1"))
    for record in keys:
        yield from _place(context, record)
        yield from _key(context, record)
    yield from _beside_rsa(context, keys)
    yield from _shared(context)
    yield from _weak_strangers(context)


def _place(context: RuleContext, record: Record) -> Iterator[Finding]:
    selector, below, domain = record.name.partition(BELOW)
    if not below and record.name.endswith(f".dkim.{context.settings.host}"):
        return  # a key that a customer's alias leads to: its name is ours to choose
    try:
        for label in selector.split("."):
            check_selector(label)
    except Refusal:
        below = ""
    if not below or domain != record.zone:
        fix = f"publish it at `<selector>{BELOW}{record.zone}`"
        yield context.finding("DKIM-1", record, "is not where receivers look for a key", fix)


def _key(context: RuleContext, record: Record) -> Iterator[Finding]:
    found = tags(record.value)
    kind, key = found.get("k", "rsa").lower(), "".join(found.get("p", "").split())
    if "p" not in found:
        yield context.finding("DKIM-4", record, "has no `p=`", "a revoked key is `p=` with nothing behind it")
    elif key:
        yield from _length(context, record, kind, key)
    if "y" in found.get("t", "").lower().split(":"):
        fix = "take `t=y` out: it tells receivers to disregard the signature"
        yield context.finding("DKIM-4", record, "says that the domain only tests DKIM", fix)
    if "h" in found and "sha256" not in found["h"].lower().replace(" ", "").split(":"):
        yield context.finding("DKIM-4", record, "`h=` leaves SHA-256 out", "take `h=` out, or add sha256")


def _length(context: RuleContext, record: Record, kind: str, key: str) -> Iterator[Finding]:
    if kind == "ed25519":
        try:
            check_public_key(key, "ed25519")
        except PublicKeyError as error:
            yield context.finding("DKIM-3", record, f"the key {error}", "publish the key as `mailtenant` made it")
        return
    try:
        check_public_key(key)
    except PublicKeyError as error:
        yield context.finding("DKIM-2", record, f"the key {error}", "rotate to a new RSA key of 2048 bits")


def _beside_rsa(context: RuleContext, keys: list[Record]) -> Iterator[Finding]:
    """Many receivers know RSA only (RFC 8463 §5)."""
    with_rsa = {_domain(r) for r in keys if tags(r.value).get("k", "rsa") == "rsa" and tags(r.value).get("p")}
    for record in keys:
        if (
            tags(record.value).get("k") == "ed25519"
            and _domain(record) not in with_rsa
            and not context.inherited(record)
        ):
            fix = "keep an active RSA selector beside it"
            yield context.finding("DKIM-3", record, "no RSA key stands beside this Ed25519 one", fix)


def _domain(record: Record) -> str:
    """The domain that a key is for; of a delegated one, the name behind its selector."""
    return record.name.partition(BELOW)[2] or record.name.partition(".")[2]


def _shared(context: RuleContext) -> Iterator[Finding]:
    owners: dict[str, set[str]] = defaultdict(set)
    for domain in context.settings.domains:
        for key in domain.dkim:
            owners[key.public_key].add(domain.name)
    for domain in context.settings.domains:
        for key in domain.dkim:
            others = owners[key.public_key] - {domain.name}
            if others:
                name = f"{key.selector}{BELOW}{domain.name}"
                if domain.dkim_mode == "cname":
                    name = delegated_name(context.settings, domain.name, key.selector)
                message = f"has the same key as {', '.join(sorted(others))}"
                yield Finding("DKIM-6", "W", domain.name, f"{name} TXT", message, "give each domain a key of its own")


def _weak_strangers(context: RuleContext) -> Iterator[Finding]:
    """Keys of the old host: not ours to change, but worth a word."""
    for zone, held in context.foreign.items():
        for old in held:
            if old.type == "TXT" and BELOW in old.name:
                key = "".join(tags(old.value).get("p", "").split())
                try:
                    weak = tags(old.value).get("k", "rsa") == "rsa" and key and rsa_bits(key) < 2048
                except PublicKeyError:
                    continue
                if weak:
                    message = f"a key of {rsa_bits(key)} bits of another host"
                    fix = "nothing is changed; remove it once that host no longer signs"
                    yield Finding("DKIM-2", "W", zone, f"{old.name} TXT", message, fix)
