"""What is a problem of a tenant that serves. Pure: each rule takes an answer and gives the problems in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mailtenant.certificates import chain_period
from mailtenant.check import Report, Status
from mailtenant.control.alerts import Kind, Problem
from mailtenant.dns.verify import Result
from mailtenant.rendering.services import NODE_SERVICES, SERVICES
from mailtenant.settings import TenantSettings

SHOWN: Final = 3
"""Of many of a kind, so many are named."""


def certificate_days(settings: TenantSettings, now: datetime) -> Mapping[str, int]:
    """Whole days that are left: `mail`, and where there are such, `web` and `nodes`. The CA's end counts as well."""
    tls = settings.tls
    chains = {"mail": tls.chain, "web": tls.web_chain, "nodes": settings.nodes.chain}
    return {name: (chain_period(chain, tls.ca)[1] - now).days for name, chain in chains.items() if chain}


def ending(label: str, days: Mapping[str, int], fewest: int) -> list[Problem]:
    """Certificates with fewer days left."""
    how = {"web": f"mailtenant web-certificate {label}, then pulumi up -s {label}"}
    return [
        Problem(
            Kind.CERTIFICATE, f"the {name} certificate ends in {left} days" if left >= 0 else
            f"the {name} certificate has ended",
            how.get(name, f"put a new one into the stack file, then pulumi up -s {label}"), subject=name,
        )
        for name, left in days.items()
        if left < fewest
    ]  # fmt: skip


def published(label: str, results: Sequence[Result]) -> list[Problem]:
    """Records that are not as planned, or whose servers do not answer: one problem."""
    wrong = [one for one in results if not one.ok]
    if not wrong:
        return []
    what = _short(f"{one.subject} at {one.server}: {one.said}" for one in wrong)
    return [Problem(Kind.DNS, what, f"{wrong[0].fix}; mailtenant dns verify {label} shows all of it")]


def checked(label: str, report: Report) -> list[Problem]:
    """Steps of `mailtenant check` that failed: one problem."""
    failed = [step for step in report.steps if step.status is Status.FAILED]
    if not failed:
        return []
    what = _short(f"{step.title}: {step.cause}" for step in failed)
    return [Problem(Kind.CHECK, what, f"{failed[0].fix}; mailtenant check {label} asks each step")]


@dataclass(frozen=True)
class Container:
    """One as the engine lists it. `status`: its words ("Up 2 hours (healthy)")."""

    name: str
    state: str
    status: str
    image: str


def drifted(settings: TenantSettings, there: Iterable[Container], images: Mapping[str, str]) -> list[Problem]:
    """A hint, not a preview: containers that are missing, do not run, are not healthy, or run another image than the
    release of the stack file (`images`: tag → id; empty: unknown)."""
    running, found = {one.name: one for one in there}, []
    for name, service in _expected(settings):
        one = running.get(name)
        wanted = images.get(f"mailtenant/{service}:{settings.release}")
        if one is None:
            found.append(f"{name} is missing")
        elif one.state != "running":
            found.append(f"{name} is {one.state}")
        elif "(unhealthy)" in one.status:
            found.append(f"{name} is unhealthy")
        elif wanted and one.image != wanted:
            found.append(f"{name} runs another image than release {settings.release}")
    if not found:
        return []
    fix = f"mailtenant recover; pulumi preview -s {settings.label} --diff shows what differs, pulumi up makes it true"
    return [Problem(Kind.DRIFT, _short(found), fix)]


def _expected(settings: TenantSettings) -> Iterator[tuple[str, str]]:
    """Names of containers, each with its service."""
    zones = "local" in (settings.platform_dns.provider, *(domain.dns.provider for domain in settings.domains))
    for service in SERVICES:
        if (service != "dns" or zones) and (service != "web" or settings.has_web_host):
            yield f"{settings.prefix}-{service}", service
    for node in settings.smtp_nodes[1:]:
        for service in ("edge", *NODE_SERVICES):
            yield f"{settings.prefix}-{service}{node.suffix}", service


def _short(lines: Iterable[str]) -> str:
    """The first few, and how many more."""
    every = list(lines)
    more = f"; and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return "; ".join(every[:SHOWN]) + more
