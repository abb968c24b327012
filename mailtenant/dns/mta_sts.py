"""MTA-STS (RFC 8461) and TLS reporting (RFC 8460): the policy, its records, the names of the web host."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from mailtenant.dns.dkim import tags
from mailtenant.dns.dmarc import split_addresses
from mailtenant.dns.records import Record
from mailtenant.dns.zone_view import ZoneView
from mailtenant.settings.existing import Existing, Phase

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

MAX_AGE: Final[Mapping[str, int]] = {"testing": 86_400, "enforce": 604_800}
"""Seconds that senders keep a policy, by its mode (at most 31,557,600: RFC 8461 §3.2)."""


def policies(
    settings: "TenantSettings", existing: Existing | None = None, phase: Phase = "settled"
) -> Mapping[str, str]:
    """Domain → policy file (RFC 8461 §3.2), lines ended by CRLF; only domains that have one."""
    views = (ZoneView(settings, domain, (existing or {}).get(domain.name), phase) for domain in settings.domains)
    return {view.name: policy(view) for view in views if view.domain.mta_sts != "none"}


def policy(view: ZoneView) -> str:
    """Until settled the policy lists the old hosts, too, and only tests: their certificates are not ours to promise."""
    mode = view.domain.mta_sts
    if mode == "none":
        return ""
    hosts = [node.host for node in view.settings.smtp_nodes]
    if not view.settled:
        mode = "testing"
        hosts += [record.value.split(" ", 1)[1].lower() for record in view.old(view.name, "MX")]
    mx = [f"mx: {host}" for host in dict.fromkeys(hosts)]
    lines = ["version: STSv1", f"mode: {mode}", *mx, f"max_age: {MAX_AGE[mode]}"]
    return "".join(line + "\r\n" for line in lines)


def policy_id(text: str) -> str:
    """Changes with the policy, and only with it (STS-1: 1 to 32 letters and digits)."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def mta_sts_records(view: ZoneView) -> Iterator[Record]:
    """The policy's announcement and its host, from the additive phase on; reports on TLS."""
    if view.domain.mta_sts != "none":
        # An alias: a new address of the host needs no edit here (NAME-3: nothing else stands at the name).
        reason = "serves the MTA-STS policy over HTTPS (RFC 8461)"
        yield view.record(f"mta-sts.{view.name}", "CNAME", view.settings.host, reason)
        text = f"v=STSv1; id={policy_id(policy(view))}"
        yield view.record(f"_mta-sts.{view.name}", "TXT", text, "senders fetch the MTA-STS policy when the id changes")
    if view.domain.tls_reports:
        name = f"_smtp._tls.{view.name}"
        targets = [target for old in view.old(name, "TXT", "TLSRPTv1")[:1] for target in _targets(old.value)]
        targets += [target for target in view.domain.tls_reports if target not in targets]
        yield view.record(name, "TXT", f"v=TLSRPTv1; rua={','.join(targets)}", "where senders report on TLS (RFC 8460)")


def _targets(text: str) -> list[str]:
    return split_addresses(tags(text).get("rua", ""))
