"""DNS of the whole stack: MX, SPF, DMARC and PTR as receivers will look at them.

The planner refuses such plans by itself (docs/dns.md); this looks at what the stack would really export, so that
another program that uses the components, or a defect of the planner, is stopped as well.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from pulumi_policy import PolicyConfigSchema, ReportViolation, StackValidationArgs, StackValidationPolicy

from mailtenant.dns.records import Record
from mailtenant.dns.spf import is_spf, parse_spf
from mailtenant.dns.spf_check import MOST_LOOKUPS, RecordsResolver, spf_cost
from policy.values import TENANT, items, known, of_type

_HELO: Final = re.compile(r"^(smtp_helo_name|myhostname)\s*=\s*(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Zone:
    """What one tenant's stack exports: its records, host, addresses and the name that its Postfix says in EHLO."""

    records: Sequence[Record]
    host: str
    addresses: Sequence[str]
    helo: frozenset[str]

    def at(self, name: str, *types: str) -> list[Record]:
        return [one for one in self.records if one.name.lower() == name.lower().rstrip(".") and one.type in types]


def zone_of(props: Mapping[str, Any]) -> Zone:
    records = [
        Record(
            zone="",
            name=str(known(one, "name", "")),
            type=known(one, "type", "TXT"),
            value=str(known(one, "value", "")),
            ttl=int(known(one, "ttl", 0)),
            reason="",
            owner="platform",
        )
        for one in items(props, "records")
    ]
    files = known(props, "files", {})
    said = {
        dict(found)["smtp_helo_name"] if "smtp_helo_name" in dict(found) else dict(found)["myhostname"]
        for path, text in (files.items() if isinstance(files, Mapping) else ())
        if str(path).endswith("/main.cf") and (found := _HELO.findall(str(text)))
    }
    host = str(known(props, "host", ""))
    said = {host if name == "$myhostname" else name for name in said}
    return Zone(records, host, [str(one) for one in known(props, "addresses", ())], frozenset(said or {host}))


def exchanges(zone: Zone, given: Sequence[str] = ()) -> Iterator[str]:
    """`given`: hosts outside the stack that are known to have an address."""
    for record in zone.records:
        if record.type != "MX" or record.value == "0 .":
            continue
        target = record.value.partition(" ")[2].rstrip(".")
        if zone.at(target, "CNAME"):
            yield f"the MX of {record.name} points to {target}, an alias (RFC 2181 §10.3): name the host behind it"
        elif not zone.at(target, "A", "AAAA") and target not in given:
            yield (
                f"the MX of {record.name} points to {target}, which has no address in this stack: mail would bounce; "
                "plan its A or AAAA record, or name the host in the policy's `knownHosts`"
            )


def spf(zone: Zone) -> Iterator[str]:
    resolver = RecordsResolver(zone.records)
    for record in zone.records:
        if record.type == "TXT" and is_spf(record.value):
            cost = spf_cost(parse_spf(record.value), record.name, resolver)
            if cost.lookups > MOST_LOOKUPS:
                yield (
                    f"the SPF record of {record.name} needs {cost.lookups} lookups, {MOST_LOOKUPS} are allowed "
                    f"(RFC 7208 §4.6.4), `{cost.costliest}` costs most: name its networks instead"
                )


def dmarc(zone: Zone) -> Iterator[str]:
    for name in dict.fromkeys(record.name for record in zone.records if record.type == "MX"):
        found = [one for one in zone.at(f"_dmarc.{name}", "TXT") if one.value.lower().startswith("v=dmarc1")]
        # A host below a domain that has a policy is covered by it (RFC 7489 §6.6.3).
        covered = [one for one in _above(zone, name) if one.value.lower().startswith("v=dmarc1")]
        if len(found) != 1 and not (not found and covered):
            yield (
                f"{name} receives mail and has {len(found) or 'no'} DMARC record{'s' if len(found) > 1 else ''}: large "
                "receivers refuse its mail; give it exactly one (`dmarc` in the stack file)"
            )


def _above(zone: Zone, name: str) -> list[Record]:
    labels = name.split(".")
    return [one for k in range(1, len(labels) - 1) for one in zone.at("_dmarc." + ".".join(labels[k:]), "TXT")]


def pointers(zone: Zone) -> Iterator[str]:
    for address in zone.addresses:
        pointer = zone.at(ip_address(address).reverse_pointer, "PTR")
        names = [one.value.rstrip(".") for one in pointer]
        if len(names) != 1 or names[0] not in zone.helo:
            said = ", ".join(sorted(zone.helo))
            yield (
                f"the PTR of {address} is {', '.join(names) or 'missing'}, and Postfix says {said} in EHLO: receivers "
                "take that for a forgery; make them one name"
            )
        elif address not in {one.value for one in zone.at(names[0], "A", "AAAA")}:
            kind = "A" if ip_address(address).version == 4 else "AAAA"
            yield f"{names[0]} does not lead back to {address}: plan its {kind} record"


def _policy(name: str, description: str, rule: Any, fix: str, config: PolicyConfigSchema | None = None) -> Any:
    def validate(args: StackValidationArgs, report_violation: ReportViolation) -> None:
        given = known(args.get_config(), "knownHosts", ())
        for tenant in of_type(args, TENANT):
            zone = zone_of(tenant.props)
            for problem in rule(zone, given) if config else rule(zone):
                report_violation(f"{tenant.name}: {problem}", tenant.urn)

    return StackValidationPolicy(name, description, validate, config_schema=config, remediation_steps=fix)


_KNOWN_HOSTS: Final = PolicyConfigSchema(
    properties={"knownHosts": {"type": "array", "items": {"type": "string"}, "default": []}}
)

POLICIES: Final = (
    _policy(
        "mx-targets-resolve",
        "Every MX leads to a host with an address, and to no alias.",
        exchanges,
        "Point the MX to the tenant's host.",
        _KNOWN_HOSTS,
    ),
    _policy("spf-lookups", "No SPF record needs more than ten lookups.", spf, "Drop `include`s that send nothing."),
    _policy("dmarc-present", "Every domain that receives mail has one DMARC record.", dmarc, "Set `dmarc`."),
    _policy("ptr-is-ehlo", "The PTR of every address is the name that Postfix says.", pointers, "Ask for that PTR."),
)
