"""Containers: least privilege, limits, and only the ports of mail."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy

from mailtenant.rendering.services import EDGE_PORTS, SERVICES, WEB_PORTS
from policy.values import CONTAINER, is_run, items, known

PORTS: Final = frozenset((*EDGE_PORTS, *WEB_PORTS))
CAPABILITIES: Final = frozenset(one for spec in SERVICES.values() for one in spec.capabilities)
_SOCKETS: Final = ("/var/run/docker.sock", "/run/docker.sock")
_Check = Callable[[Mapping[str, Any]], Iterator[str]]


def privilege(props: Mapping[str, Any]) -> Iterator[str]:
    """Ways out of the container."""
    if known(props, "privileged"):
        yield "is privileged: it owns the host; drop `privileged` and name the one capability it needs"
    if not is_run(props):
        return
    capabilities = known(props, "capabilities", {})
    dropped = known(capabilities, "drops", ())
    if "ALL" not in dropped:
        yield "keeps the engine's default capabilities; drop ALL and add those it needs"
    if beyond := sorted(set(known(capabilities, "adds", ())) - CAPABILITIES):
        yield (
            f"adds {', '.join(beyond)}, which no service needs; drop it, or put it in the table of "
            "mailtenant/rendering/services.py with its reason"
        )
    if "no-new-privileges" not in known(props, "securityOpts", ()):
        yield "may gain privileges by a setuid program; add the security option no-new-privileges"
    for key, what in (("networkMode", "network"), ("pidMode", "processes"), ("ipcMode", "shared memory")):
        if known(props, key) == "host":
            yield f"shares the host's {what} (`{key}: host`); leave it out"
    if known(props, "devices"):
        yield "gets devices of the host; leave `devices` out"
    for mount in items(props, "volumes"):
        host = known(mount, "hostPath")
        if host in _SOCKETS:
            yield "gets the engine's socket, and with it the host; take the mount away"
        elif host:
            yield f"mounts the host's {host}; use a volume"


def limits(props: Mapping[str, Any]) -> Iterator[str]:
    """One tenant's hunger must not be another's hunger."""
    if not is_run(props):
        return
    memory = known(props, "memory", 0)
    if not memory or memory <= 0:
        yield "has no memory limit; set `memory` (the tenant's `size`)"
    elif known(props, "memorySwap", 0) != memory:
        yield "may swap beyond its memory limit; set `memory_swap` to the same number"
    if not known(props, "cpuShares", 0) and not known(props, "cpus"):
        yield "has no share of the processors; set `cpu_shares` (the tenant's `size`)"


def ports(props: Mapping[str, Any]) -> Iterator[str]:
    """Nothing but mail, and the web host, is reachable."""
    for port in items(props, "ports"):
        number, address = known(port, "external"), known(port, "ip", "")
        if number is not None and int(number) not in PORTS:
            allowed = ", ".join(str(one) for one in sorted(PORTS))
            yield f"publishes port {int(number)}; allowed are {allowed}: take it away"
        if address in ("", "0.0.0.0", "::"):
            yield "publishes a port on every address of the host; give the port the tenant's own `ip`"


def _policy(name: str, description: str, check: _Check, fix: str) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        if args.resource_type == CONTAINER:
            for problem in check(args.props):
                report_violation(f"{args.name} {problem}", args.urn)

    return ResourceValidationPolicy(name, description, validate, remediation_steps=fix)


POLICIES: Final = (
    _policy(
        "no-privileged-containers",
        "No container can become its host.",
        privilege,
        "Run it by `run_service`, whose table of services grants what a daemon needs and no more.",
    ),
    _policy(
        "resource-limits",
        "Every running container has limits for memory and processor.",
        limits,
        "Take them from the tenant's `size`.",
    ),
    _policy("only-mail-ports", "Only the ports of mail and of the web host are published.", ports, "Publish no other."),
)
