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
from mailtenant.dns.lookup import Answers, LiveSpf
from mailtenant.dns.mta_sts import policies
from mailtenant.dns.planner import planned_records
from mailtenant.dns.platform import egress
from mailtenant.dns.records import Record
from mailtenant.dns.spf import is_spf, parse_spf
from mailtenant.dns.spf_check import spf_verdict
from mailtenant.dns.verify import Result, judge_key, judge_set
from mailtenant.fleet.stack_config import read_secret
from mailtenant.fleet.stacks import StackError
from mailtenant.settings import StackFile, load_stack_file

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
        results = list(_results(stack_file, planned, resolvers, servers, keys, policy))
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


def _results(
    stack_file: StackFile,
    planned: Sequence[Record],
    resolvers: Sequence[str] | None,
    servers: Sequence[str] | None,
    keys: Mapping[tuple[str, str], str],
    policy: Mapping[str, str],
) -> Iterator[Result]:
    settings = stack_file.settings
    everyone: dict[str, Sequence[Answers]] = {}
    for zone in dict.fromkeys(record.zone for record in planned):
        everyone[zone] = asked(stack_file, zone, resolvers, servers)
        if all(server.recursive for server in everyone[zone]):
            yield Result(zone, "DNS", "wrong", "no authoritative server is found", "delegate the zone, or register it")
    sets: dict[tuple[str, str], list[Record]] = {}
    for record in planned:
        sets.setdefault((record.name, record.type), []).append(record)
    for (name, type_), records in sets.items():
        if type_ == "PTR" and settings.edge.address.is_private:
            continue  # nobody delegates these; the check of the mail server itself says what it greets with
        for server in everyone[records[0].zone]:
            doubled = server.ask(f"{name}.{records[0].zone}", type_)
            yield judge_set(name, type_, records, server.ask(name, type_), server.name, doubled)
    for domain in settings.domains:
        for server in everyone[domain.name][:1]:
            for address in egress(settings):
                texts = [text for text in server.ask(domain.name, "TXT").values if is_spf(text)]
                # Two records are an error of their own (RFC 7208 §4.5), none says nothing.
                terms = parse_spf(texts[0]) if len(texts) == 1 else None
                verdict = spf_verdict(terms, domain.name, address, LiveSpf(server)) if terms is not None else "none"
                verdict = "permerror" if len(texts) > 1 else verdict
                fix = "compare the SPF record with `mailtenant dns plan`"
                subject = f"SPF of {domain.name} for {address}"
                if verdict == "pass":
                    yield Result(subject, server.name, "ok", verdict)
                else:
                    yield Result(subject, server.name, "wrong", verdict, fix)
            for key in domain.signing:
                seen = server.ask(f"{key.selector}._domainkey.{domain.name}", "TXT")
                public = keys.get((domain.name, key.selector), key.public_key)
                yield judge_key(domain.name, key.selector, seen.values, public, server.name)
    yield from _policies(stack_file, policy)


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
