"""Plans every DNS record of a thousand tenants with five domains each, out of full zones, in every phase."""

import time
from statistics import median
from typing import Any

from bench.documents import documents
from bench.results import Figure, Result
from bench.session import Session
from mailtenant.dns.planner import records
from mailtenant.settings import TenantSettings, parse_settings
from mailtenant.settings.existing import PHASES, ExistingRecord, ExistingZone

DOMAINS = 5
FOREIGN = 20


def measure(session: Session) -> Result:
    """The records and all rules of each tenant; a full zone costs more than an empty one, so both are timed.

    CPU time: nothing here waits for anything, and other work on the machine must not count.
    """
    number = 100 if session.quick else 1_000
    session.say(f"plan: {number} tenants with {DOMAINS} domains each")
    tenants = [_tenant(document) for document in documents(number)]
    found, fresh = 0, []
    for tenant in tenants:
        started = time.process_time()
        found += len(records(tenant))
        fresh.append(time.process_time() - started)
    figures = [
        Figure("new zones, a tenant", sum(fresh) / number * 1000, "ms"),
        Figure(f"new zones, {number:,} tenants", sum(fresh), "s"),
        Figure("new zones, the slowest tenant ÷ the median", max(fresh) / median(fresh), "×"),
    ]
    zones = [(tenant, {domain.name: _zone(domain.name) for domain in tenant.domains}) for tenant in tenants[::10]]
    for phase in PHASES:
        started = time.process_time()
        for tenant, existing in zones:
            records(tenant, existing, phase)
        spent = (time.process_time() - started) / len(zones) * 1000
        figures.append(Figure(f"adopted zones, phase {phase}, a tenant", spent, "ms"))
    return Result(
        "plan",
        f"DNS records of {number:,} tenants with {DOMAINS} domains each",
        f"All records planned and judged by every rule, {found // number} a tenant; CPU time of one process. Adopted "
        f"zones hold {FOREIGN + 4} records each; every tenth tenant.",
        tuple(figures),
    )


def _tenant(document: dict[str, Any]) -> TenantSettings:
    first, label = document["domains"][0], document["label"]
    names = [first["name"], *(f"brand{i}-{label}.test" for i in range(1, DOMAINS))]
    document["domains"] = [{**first, "name": name, "dns": {"provider": "manual"}} for name in names]
    return parse_settings(document, stack=label)


def _zone(name: str) -> ExistingZone:
    ours = [
        (name, "MX", "10 mx1.oldhost.example"),
        (name, "MX", "20 mx2.oldhost.example"),
        (name, "TXT", "v=spf1 mx include:_spf.oldhost.example -all"),
        (f"_dmarc.{name}", "TXT", f"v=DMARC1; p=quarantine; rua=mailto:dmarc@{name}"),
    ]
    foreign = [(f"host{i}.{name}", "A", f"192.0.2.{i}") for i in range(FOREIGN)]
    held = [ExistingRecord(name=n, type=t, value=v, ttl=3600) for n, t, v in (*ours, *foreign)]
    return ExistingZone(taken="2026-11-01T00:00:00Z", records=tuple(held))
