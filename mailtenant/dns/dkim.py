"""DKIM keys as records: the text itself (RFC 6376 §3.6.1, RFC 8463), or a pointer to it in the platform's zone."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING

from mailtenant.dns.records import Record
from mailtenant.dns.zone_view import ZoneView

if TYPE_CHECKING:
    from mailtenant.dkim import Algorithm
    from mailtenant.settings import TenantSettings
    from mailtenant.settings.dns import DomainKey


def dkim_records(view: ZoneView) -> Iterator[Record]:
    """Additive in every phase: a selector of ours stands beside those of the old host."""
    for key in view.domain.dkim:
        name = f"{key.selector}._domainkey.{view.name}"
        reason = f"DKIM key, selector state {key.state}"
        if view.domain.dkim_mode == "cname":
            target = delegated_name(view.settings, view.name, key.selector)
            yield view.record(name, "CNAME", target, f"{reason}; the key itself is in the platform's zone")
        else:
            text = key_text(key.algorithm, "" if key.state == "revoked" else key.public_key)
            yield view.record(name, "TXT", text, reason)
    if view.domain.dkim_mode == "cname":
        for selector in spare_selectors(view.domain.dkim).values():
            target = delegated_name(view.settings, view.name, selector)
            reason = "for the next DKIM key, so that a rotation needs no edit here"
            yield view.record(f"{selector}._domainkey.{view.name}", "CNAME", target, reason)


def spare_selectors(keys: "Sequence[DomainKey]", with_first: "Algorithm | None" = None) -> "Mapping[Algorithm, str]":
    """With aliases: algorithm → the name that its next key will have, where only one stands now.

    Two names an algorithm take turns, so the domain's aliases are the same for ever. `with_first` also names the first
    key of an algorithm that has none yet.
    """
    taken = {key.selector for key in keys}
    spare: dict[Algorithm, str] = {}
    algorithms: tuple[Algorithm, ...] = ("rsa", "ed25519")
    for algorithm in algorithms:
        have = sum(key.algorithm == algorithm for key in keys)
        if have == 1 or (have == 0 and algorithm == with_first):
            spare[algorithm] = next(name for number in count(1) if (name := f"mt{number}") not in taken)
            taken.add(spare[algorithm])
    return spare


def key_text(algorithm: str, public_key: str) -> str:
    """The record's text; an empty key is a revoked one."""
    return f"v=DKIM1; k={algorithm}; p={public_key}"


def delegated_name(settings: "TenantSettings", domain: str, selector: str) -> str:
    """Where a delegated key stands: the domain is part of the name, since two domains may use one selector."""
    return f"{selector}.{domain}.dkim.{settings.host}"


def tags(text: str) -> dict[str, str]:
    """Tag → value of a tag list (RFC 6376 §3.2), as in DKIM, DMARC, MTA-STS and TLS-RPT records; names lower case.

    A part without `=` is kept with an empty value.
    """
    found: dict[str, str] = {}
    for part in text.split(";"):
        tag, _, value = part.partition("=")
        if tag.strip():
            found.setdefault(tag.strip().lower(), value.strip())
    return found
