"""`mailtenant dns verify`: asks every authoritative server and the resolvers, and says what is wrong and how."""

import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.dns_plan import PhaseOption, known_phase
from mailtenant.cli.dns_servers import ResolverOption, ServerOption, asked
from mailtenant.dkim import public_half
from mailtenant.dns.key_lookup import key_results
from mailtenant.dns.lookup import Answers, LiveSpf
from mailtenant.dns.mta_sts import policies
from mailtenant.dns.planner import planned_records
from mailtenant.dns.platform import egress, hosts_without_ipv6
from mailtenant.dns.records import Record
from mailtenant.dns.spf import is_spf, parse_spf
from mailtenant.dns.spf_check import MOST_LOOKUPS, spf_cost, spf_verdict
from mailtenant.dns.verify import Result, Seen, judge_absent, judge_set
from mailtenant.fleet.stack_config import read_secret
from mailtenant.fleet.stacks import StackError
from mailtenant.settings import StackFile, TenantSettings, load_stack_file
from mailtenant.settings.existing import Phase

PAUSE = 5.0


def verify(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    phase: PhaseOption = None,
    resolvers: ResolverOption = None,
    servers: ServerOption = None,
    wait: Annotated[float, typer.Option(help="seconds to go on asking until all is as planned")] = 0,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Compare what is published with the plan: each record at each authoritative server and two resolvers, SPF for
    each address that mail leaves from, the DKIM key against the private one, the MTA-STS policy. Exits with 1 if
    something is wrong.

    Example: mailtenant dns verify acme --wait 600
    """
    stack_file = load_stack_file(output.stack_file(project, label))
    folder = output.project_dir(project)
    now = known_phase(phase) or stack_file.dns_phase
    planned = planned_records(stack_file.settings, stack_file.existing, now)
    policy = policies(stack_file.settings, stack_file.existing, now)
    keys = _keys(folder, stack_file)
    deadline, console = time.monotonic() + wait, Console(stderr=True)
    while True:
        results = list(_results(stack_file, planned, resolvers, servers, keys, policy, now))
        wrong = [one for one in results if not one.ok]
        if not wrong or time.monotonic() >= deadline:
            break
        left = deadline - time.monotonic()
        console.print(f"[dim]{len(wrong)} of {len(results)} not yet: {wrong[0].subject}; {left:.0f} s left[/]")
        time.sleep(min(PAUSE, max(0.2, left)))
    if as_json:
        output.print_json([asdict(one) for one in results])
    else:
        _print(label, now, results)
    if wrong:
        raise typer.Exit(output.ExitCode.PROBLEM)


def published(project: Path, stack_file: StackFile) -> list[Result]:
    """One look at everything in the phase of the stack file."""
    now = stack_file.dns_phase
    planned = planned_records(stack_file.settings, stack_file.existing, now)
    policy = policies(stack_file.settings, stack_file.existing, now)
    return list(_results(stack_file, planned, None, None, _keys(project, stack_file), policy, now))


def _results(
    stack_file: StackFile,
    planned: Sequence[Record],
    resolvers: Sequence[str] | None,
    servers: Sequence[str] | None,
    keys: Mapping[tuple[str, str], str],
    policy: Mapping[str, str],
    now: Phase,
) -> Iterator[Result]:
    settings = stack_file.settings
    # Nobody delegates these; the check of the mail server itself says what it greets with.
    private = {address.reverse_pointer for address in egress(settings) if address.is_private}
    asked_for = [one for one in planned if not (one.type == "PTR" and one.name in private)]
    everyone: dict[str, Sequence[Answers]] = {}
    for zone in dict.fromkeys((*(record.zone for record in asked_for), settings.host)):
        everyone[zone] = asked(stack_file, zone, resolvers, servers)
        if all(server.recursive for server in everyone[zone]):
            yield Result(zone, "DNS", "wrong", "no authoritative server is found", "delegate the zone, or register it")
    sets: dict[tuple[str, str], list[Record]] = {}
    for record in asked_for:
        sets.setdefault((record.name, record.type), []).append(record)
    for (name, type_), records in sets.items():
        for server in everyone[records[0].zone]:
            seen = server.ask(name, type_)
            wanted = {record.value for record in records}
            # Only a record that is missing can stand at the wrong name.
            doubled = Seen() if wanted <= set(seen.values) else server.ask(f"{name}.{records[0].zone}", type_)
            yield judge_set(name, type_, records, seen, server.name, doubled)
    for host in hosts_without_ipv6(settings):
        for server in everyone[settings.host]:
            yield judge_absent(host, "AAAA", server.ask(host, "AAAA"), server.name)
    # In `adopted` nothing of ours is published: the old host sends and signs.
    for domain in settings.domains if now != "adopted" else ():
        servers_of = everyone.get(domain.name) or asked(stack_file, domain.name, resolvers, servers)
        # Includes lead to other zones: those a resolver follows, an authoritative server only where it serves both.
        for server in [one for one in servers_of if one.recursive] or servers_of[:1]:
            yield from _spf(settings, domain.name, server)
        for key in domain.signing:
            public = keys.get((domain.name, key.selector), key.public_key)
            yield from key_results(settings, domain, key, public, servers_of, everyone[settings.host])
    yield from _policies(stack_file, policy)


def _spf(settings: TenantSettings, domain: str, server: Answers) -> Iterator[Result]:
    """The verdict for every address that mail leaves from."""
    texts = [text for text in server.ask(domain, "TXT").values if is_spf(text)]
    # Two records are an error of their own (RFC 7208 §4.5), none says nothing.
    terms = parse_spf(texts[0]) if len(texts) == 1 else None
    cost = spf_cost(terms, domain, LiveSpf(server)) if terms is not None else None
    for address in egress(settings):
        verdict = spf_verdict(terms, domain, address, LiveSpf(server)) if terms is not None else "none"
        verdict = "permerror" if len(texts) > 1 else verdict
        subject = f"SPF of {domain} for {address}"
        if verdict == "pass" and cost is not None and cost.lookups > MOST_LOOKUPS:
            said = f"pass, but others get an error: {cost.lookups} lookups, where {MOST_LOOKUPS} are allowed"
            yield Result(subject, server.name, "wrong", said, f"drop terms that send nothing; `{cost.costliest}` first")
        elif verdict == "pass":
            yield Result(subject, server.name, "ok", f"pass, {cost.lookups if cost else 0} lookups")
        else:
            fix = "compare the SPF record with `mailtenant dns plan`"
            yield Result(subject, server.name, "wrong", verdict, fix)


def _keys(folder: Path, stack_file: StackFile) -> Mapping[tuple[str, str], str]:
    """The public halves of the private keys in use; without the passphrase the settings' word must do."""
    found: dict[tuple[str, str], str] = {}
    for domain in stack_file.settings.domains:
        for key in domain.signing:
            try:
                leaf = ("dkim", domain.name, key.selector)
                found[domain.name, key.selector] = public_half(read_secret(folder, stack_file.settings.label, leaf))
            except StackError:
                return {}
    return found


def _policies(stack_file: StackFile, policy: Mapping[str, str]) -> Iterator[Result]:
    settings = stack_file.settings
    trust = ssl.create_default_context(cadata=settings.tls.ca) if settings.tls.ca else ssl.create_default_context()
    for domain, text in policy.items():
        host = f"mta-sts.{domain}"
        address = str(settings.publish) if settings.publish else host
        try:
            with httpx.Client(verify=trust, timeout=10, trust_env=False) as client:
                answer = client.get(
                    f"https://{address}/.well-known/mta-sts.txt",
                    headers={"Host": host},
                    extensions={"sni_hostname": host},
                )
        except httpx.HTTPError as error:
            yield Result(f"MTA-STS policy of {domain}", host, "wrong", str(error), "see whether the web host runs")
            continue
        if answer.status_code == 200 and answer.text == text:
            yield Result(f"MTA-STS policy of {domain}", host, "ok", "served over HTTPS as planned")
        else:
            said = f"HTTP {answer.status_code}, or another text than planned"
            yield Result(f"MTA-STS policy of {domain}", host, "wrong", said, "run `pulumi up`")


def _print(label: str, phase: str, results: Sequence[Result]) -> None:
    table = Table("", "what", "asked", "found", "fix", title=f"DNS of {label}, phase {phase}")
    for one in results:
        table.add_row({"ok": "✓", "wrong": "✗", "unknown": "?"}[one.state], one.subject, one.server, one.said, one.fix)
    output.print_table(table)
