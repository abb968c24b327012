"""STS-1, STS-2, TLSRPT-1, TLSA-1: what senders are told about TLS."""

import re
from collections.abc import Iterator
from typing import Final

from mailtenant.dns.dkim import tags
from mailtenant.dns.dmarc import split_addresses
from mailtenant.dns.findings import Finding
from mailtenant.dns.mta_sts import policy, policy_id
from mailtenant.dns.records import Record
from mailtenant.dns.rules.context import RuleContext
from mailtenant.dns.rules.names import host_of
from mailtenant.dns.zone_view import ZoneView

LONGEST_AGE: Final = 31_557_600
"""Seconds (RFC 8461 §3.2)."""


def transport_findings(context: RuleContext) -> Iterator[Finding]:
    for record in context.texts("STSv1"):
        identifier = tags(record.value).get("id", "")
        if not re.fullmatch(r"[A-Za-z0-9]{1,32}", identifier):
            yield context.finding("STS-1", record, "`id` is not 1 to 32 letters and digits", "let the planner write it")
        view = context.views.get(record.zone)
        if view is not None and not context.inherited(record):
            yield from _policy(context, record, view, identifier)
    yield from _policy_of_others(context)
    for record in context.texts("TLSRPTv1"):
        targets = split_addresses(tags(record.value).get("rua", ""))
        if not targets or not all(t.lower().startswith(("mailto:", "https://")) for t in targets):
            fix = "give `rua=` one or more `mailto:` or `https:` addresses"
            yield context.finding("TLSRPT-1", record, "reports on TLS have no address to go to", fix)
    for record in context.planned:
        if str(record.type) == "TLSA":
            fix = "leave it out: whether the zone is signed is not known here"
            yield context.finding(
                "TLSA-1", record, "means nothing in a zone without DNSSEC, and breaks mail in one", fix
            )


def _policy_of_others(context: RuleContext) -> Iterator[Finding]:
    """A policy that stays while the MX goes: whoever keeps it enforced refuses to deliver to a host that it lacks."""
    for view in context.views.values():
        name = f"_mta-sts.{view.name}"
        if view.domain.mta_sts == "none" and context.phase != "adopted" and view.old(name, "TXT", "STSv1"):
            message = "announces an MTA-STS policy of somebody's that does not list the tenant host"
            fix = (
                "set `mta_sts: testing` of the domain, so that ours takes its place and lists old and new MX; or "
                "switch that policy to mode `none`, wait for its `max_age`, delete the record and adopt the zone anew"
            )
            yield Finding("STS-2", "E" if view.moved else "W", view.name, f"{name} TXT", message, fix)


def _policy(context: RuleContext, record: Record, view: ZoneView, identifier: str) -> Iterator[Finding]:
    text = policy(view)
    if identifier != policy_id(text):
        yield context.finding("STS-1", record, "`id` is not that of the policy", "let the planner write it")
    lines = dict(line.split(": ", 1) for line in text.split("\r\n") if ": " in line and not line.startswith("mx: "))
    if not 0 < int(lines.get("max_age", "0")) <= LONGEST_AGE or not text.endswith("\r\n"):
        yield context.finding("STS-1", record, "the policy's `max_age` is not up to a year", "correct the policy")
    listed = {line[4:] for line in text.split("\r\n") if line.startswith("mx: ")}
    exchanges = {host_of(r) or "" for r in context.by_name.get(view.name, ()) if r.type == "MX"}
    old = set() if view.settled else {r.value.partition(" ")[2].lower() for r in view.old(view.name, "MX")}
    if missing := sorted(exchanges - listed):
        yield context.finding("STS-1", record, f"the policy lacks the MX {', '.join(missing)}", "list it in the policy")
    if missing := sorted(old - exchanges - listed):
        message = f"the policy lacks {', '.join(missing)}, which mail may still go to"
        yield context.finding("STS-2", record, message, "list old and new MX until the domain is settled")
    if view.domain.mta_sts == "enforce" and not view.domain.tls_reports:
        fix = "set `tls_reports`, so that a fault is noticed, or stay with `testing`"
        yield context.finding("STS-2", record, "`enforce` without reports on TLS", fix)
