"""`mailtenant new`: a complete stack file with fresh keys, encrypted by Pulumi's own secrets."""

import os
import secrets as randomness
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, TextIO

import typer

from mailtenant import __version__
from mailtenant.certificates import LocalCertificates, issue_web_certificate, make_local_certificates
from mailtenant.cli import output
from mailtenant.cli.stack_edit import only_editor
from mailtenant.dkim import generate_private_key, public_half
from mailtenant.environment import tool_environment
from mailtenant.fleet.new_stack import PulumiMissing, PulumiRefused, Secrets, new_stack
from mailtenant.fleet.tombstones import tombstone
from mailtenant.settings import SettingsErrors, StackFile, check_fleet, load_fleet, load_stack_file, parse_settings
from mailtenant.settings.annotate import stack_file_text
from mailtenant.settings.demo import may_be_demo, uses_published_passphrase
from mailtenant.settings.errors import Refusal
from mailtenant.settings.model import PROVIDER_SECRETS, check_host
from mailtenant.settings.names import check_fqdn, check_label
from mailtenant.settings.proposal import (
    EMBEDDED,
    HOSTED,
    SELECTOR,
    PublicHalves,
    Wishes,
    propose_document,
    propose_label,
)
from mailtenant.web import web_names


def new(
    label: Annotated[str, typer.Argument(help="the tenant's name, for ever: acme makes acme.<platform domain>")],
    domain: Annotated[list[str], typer.Option(help="a domain whose mail it carries; repeat for more")],
    organisation: Annotated[str | None, typer.Option(help="the customer's name; default: the label")] = None,
    contact_name: Annotated[str | None, typer.Option(help="whom to tell about windows and trouble")] = None,
    contact_email: Annotated[str | None, typer.Option(help="where that person reads mail")] = None,
    platform_domain: Annotated[
        str | None, typer.Option(help="domain of the tenant hosts; default: outboxment.com")
    ] = None,
    edge_network: Annotated[str | None, typer.Option(help="the engine's network with the tenant's address")] = None,
    edge_address: Annotated[str | None, typer.Option(help="that address; default: the next free one")] = None,
    edge_address6: Annotated[
        str | None, typer.Option(help="IPv6 address there, on a network with IPv6; default: none")
    ] = None,
    edge_dns: Annotated[str | None, typer.Option(help="resolver to forward to; default: full recursion")] = None,
    publish: Annotated[str | None, typer.Option(help="loopback address for the ports; default: not published")] = None,
    internal_subnet: Annotated[str | None, typer.Option(help="inner network; default: the next free /28")] = None,
    provider: Annotated[
        str | None, typer.Option(help="who serves the domains: manual (default), local, cloudflare:ZONE_ID, godaddy")
    ] = None,
    embedded: Annotated[
        bool,
        typer.Option("--embedded", help="for the demo's simulated internet: outboxment.test, local DNS, its network"),
    ] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Write stacks/Pulumi.LABEL.yaml: settings with a word on each, fresh keys and passwords, encrypted.

    The passphrase comes from PULUMI_CONFIG_PASSPHRASE_FILE or PULUMI_CONFIG_PASSPHRASE. A failure leaves no trace.

    Example: mailtenant new acme --domain acme.test --organisation "Acme GmbH" --embedded
    """
    folder = output.project_dir(project)
    wishes = Wishes(
        label=label,
        domains=tuple(domain),
        organisation=organisation,
        contact_name=contact_name,
        contact_email=contact_email,
        platform_domain=platform_domain,
        edge_network=edge_network,
        edge_address=edge_address,
        edge_address6=edge_address6,
        edge_dns=edge_dns,
        publish=publish,
        internal_subnet=internal_subnet,
        provider=provider,
        release=__version__,
        place=EMBEDDED if embedded else HOSTED,
    )
    stack_file = _make(folder, wishes)
    _report(stack_file, as_json=as_json)


def _make(project: Path, wishes: Wishes) -> StackFile:
    target = project / "stacks" / f"Pulumi.{wishes.label}.yaml"
    # Two runs at once would propose the same free addresses.
    with only_editor(project / "stacks"):
        others, _ = load_fleet(project / "stacks", output.shown_path)
        _check_names(wishes, others, target)
        environment = _environment()
        certificates = make_local_certificates(wishes.label, wishes.host, datetime.now(UTC))
        private = {name: generate_private_key() for name in (wishes.host, *wishes.domains)}
        names = web_names(wishes.host, wishes.domains)
        web_key, web_chain = issue_web_certificate(names, certificates.ca, certificates.ca_key, datetime.now(UTC))
        document = _document(wishes, others, certificates, web_chain, private)
        _judge(StackFile(target, output.shown_path(target), parse_settings(document), frozenset()), others, environment)
        values = _secrets(certificates, web_key, private, _tokens(wishes.provider or ""))
        try:
            with new_stack(project / "Pulumi.yaml", wishes.label, values, environment) as encrypted:
                return _write(target, stack_file_text(document, encrypted.tree, encrypted.salt))
        except PulumiMissing as error:
            raise output.EnvironmentProblem(str(error)) from None
        except PulumiRefused as error:
            fix = "if the tenant was here before, its stack file is in version control"
            raise output.CommandError(f"{error}; {fix}") from None


def _document(
    wishes: Wishes,
    others: list[StackFile],
    certificates: LocalCertificates,
    web_chain: str,
    private: Mapping[str, str],
) -> dict[str, Any]:
    """The document, judged before the slow part begins."""
    keys = PublicHalves(
        certificates.ca, certificates.chain, web_chain, {name: public_half(pem) for name, pem in private.items()}
    )
    try:
        document = propose_document(wishes, others, keys)
    except Refusal as refusal:
        raise output.CommandError(str(refusal)) from None
    parse_settings(document, file="what you asked for")
    return document


def _judge(planned: StackFile, others: list[StackFile], environment: Mapping[str, str]) -> None:
    """What is right in itself can still clash with other tenants, or with a passphrase that everybody knows."""
    if problems := [problem for problem in check_fleet([*others, planned]) if problem.file == planned.file]:
        raise SettingsErrors(problems)
    if uses_published_passphrase(environment) and not may_be_demo(planned.settings):
        raise output.CommandError(
            "the passphrase is the published one of the demo, which is for .test domains only; set one of your own"
        )


def _check_names(wishes: Wishes, others: list[StackFile], target: Path) -> None:
    """What the person typed, before anything is made."""
    try:
        check_label(wishes.label)
    except Refusal as refusal:
        taken = {other.settings.label for other in others}
        free = propose_label([wishes.organisation or "", *wishes.domains], taken)
        hint = f"; free and fitting would be: {free}" if free else ""
        raise output.CommandError(f"the label {refusal}{hint}") from None
    if target.exists():
        raise output.CommandError(f"{output.shown_path(target)} is there already; edit it, nothing was changed")
    if when := tombstone(target.parent, wishes.label):
        raise output.CommandError(
            f"the label {wishes.label} belonged to a tenant that was offboarded on {when}, and old records may still "
            "point at its host: take another"
        )
    # The host's certificate is made before the document is judged, and only a right name can stand in one.
    try:
        check_host(wishes.label, check_fqdn(wishes.platform_domain or wishes.place.platform_domain))
    except Refusal as refusal:
        raise output.CommandError(f"the platform domain {refusal}") from None
    for i, name in enumerate(wishes.domains, start=1):
        try:
            check_fqdn(name)
        except Refusal as refusal:
            raise output.CommandError(f"domain {i} {refusal}") from None
    if ":" in (wishes.provider or "") and len(wishes.domains) > 1:
        raise output.CommandError(
            "one zone id cannot serve several domains; make the tenant with one, then add to the file"
        )


def _environment() -> dict[str, str]:
    """The tools' environment, with a passphrase in it."""
    environment = tool_environment()
    fix = "export PULUMI_CONFIG_PASSPHRASE_FILE=<file> (the demo's: stacks/demo-passphrase.txt)"
    file = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if "PULUMI_CONFIG_PASSPHRASE" in environment:
        empty = environment["PULUMI_CONFIG_PASSPHRASE"] == ""
    elif file:
        try:
            empty = not Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise output.EnvironmentProblem(
                f"PULUMI_CONFIG_PASSPHRASE_FILE names a file that cannot be read; {fix}"
            ) from None
    else:
        raise output.EnvironmentProblem(f"no passphrase to encrypt the tenant's secrets with; {fix}")
    if empty:
        raise output.EnvironmentProblem(f"the passphrase is empty, which encrypts nothing; {fix}")
    return environment


def _secrets(
    certificates: LocalCertificates, web_key: str, private: Mapping[str, str], tokens: Mapping[str, str]
) -> Secrets:
    return {
        ("fingerprintKey",): randomness.token_urlsafe(32),
        ("databaseReaderPassword",): randomness.token_urlsafe(32),
        ("cachePassword",): randomness.token_urlsafe(32),
        ("tlsCaKey",): certificates.ca_key,
        ("tlsKey",): certificates.key,
        ("tlsWebKey",): web_key,
        **{("dkim", name, SELECTOR): pem for name, pem in private.items()},
        **{(name,): value for name, value in tokens.items()},
    }


def _tokens(provider: str) -> dict[str, str]:
    """What a DNS provider's API wants: asked for without an echo, or one line each on stdin."""
    names = PROVIDER_SECRETS.get(provider.partition(":")[0], ())
    stdin: TextIO | None = sys.stdin  # None in a process that was started with it closed
    if stdin is not None and stdin.isatty():
        return {name: typer.prompt(f"{name} of the DNS provider", hide_input=True) for name in names}
    given = {name: stdin.readline().strip() if stdin else "" for name in names}
    if not all(given.values()):
        raise output.CommandError(
            f"this provider needs {' and '.join(names)}, one line each on stdin; nothing was made"
        )
    return given


def _write(target: Path, text: str) -> StackFile:
    """Judges the text as any stack file is judged, then puts it in place in one step."""
    shown = output.shown_path(target)
    with TemporaryDirectory(prefix=".new-", dir=target.parent) as name:
        draft = Path(name) / target.name
        draft.write_text(text, encoding="utf-8")
        made = load_stack_file(draft, shown)
        try:
            os.link(draft, target)  # fails if somebody else has just made it, where a rename would overwrite
        except FileExistsError:
            raise output.CommandError(f"{shown} appeared meanwhile; nothing was changed") from None
    return replace(made, path=target)


def _report(stack_file: StackFile, *, as_json: bool) -> None:
    settings = stack_file.settings
    made = {
        "label": settings.label,
        "file": stack_file.file,
        "host": settings.host,
        "domains": [domain.name for domain in settings.domains],
        "edge": {
            "network": settings.edge.network,
            "address": str(settings.edge.address),
            "address6": str(settings.edge.address6) if settings.edge.address6 else None,
        },
        "internal": str(settings.internal.subnet),
        "publish": str(settings.publish) if settings.publish else None,
        "secrets": sorted(".".join(path) for path in stack_file.secrets),
    }
    if as_json:
        output.print_json(made)
        return
    addresses = " and ".join(map(str, settings.smtp_nodes[0].addresses))
    typer.echo(f"{stack_file.file}: tenant {settings.label}, host {settings.host}, address {addresses}")
    count = len(stack_file.secrets)
    typer.echo(f"{count} secrets made and encrypted. Read the file through, then: pulumi up -s {settings.label}")
