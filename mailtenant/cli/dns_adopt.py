"""`mailtenant dns adopt`: what the customer's zones hold now, written into the stack file, so that it can come back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from mailtenant.cli import output
from mailtenant.cli.dns_servers import ResolverOption, ServerOption, asked, live_spf
from mailtenant.cli.stack_edit import edit_config, only_editor
from mailtenant.dns.asked_zone import of_answers
from mailtenant.dns.lookup import Answers
from mailtenant.dns.managed import managed_slots
from mailtenant.dns.planner import foreign_records, plan
from mailtenant.dns.records import Slot
from mailtenant.dns.snapshot import SnapshotError, of_cloudflare, of_godaddy, of_zone_file
from mailtenant.fleet import dns_credentials
from mailtenant.rest import ApiError
from mailtenant.settings import StackFile, load_stack_file
from mailtenant.settings.dns import Domain
from mailtenant.settings.existing import EXISTING, ExistingZone
from mailtenant.settings.stackfile import DNS_PHASE


def adopt(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    domain: Annotated[str | None, typer.Option(help="just this domain")] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", help="a zone file that the provider exported; needs --domain")
    ] = None,
    resolvers: ResolverOption = None,
    servers: ServerOption = None,
    again: Annotated[bool, typer.Option("--again", help="take a new snapshot; only in the phase `adopted`")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Read the zones of LABEL from their provider (from DNS where records are entered by hand), write them into the
    stack file and set the phase `adopted`. On any problem the file stays as it was.

    Example: mailtenant dns adopt acme --domain acme.com
    """
    path, folder = output.stack_file(project, label), output.project_dir(project)
    with only_editor(path.parent):
        stack_file = load_stack_file(path, output.shown_path(path))
        wanted = [one for one in stack_file.settings.domains if domain in (None, one.name)]
        if not wanted:
            raise output.CommandError(f"{label} has no domain {domain!r}")
        if from_file is not None and len(wanted) != 1:
            raise output.CommandError("a zone file is of one zone: name it with --domain")
        for one in wanted:
            if one.name in stack_file.existing and not (again and stack_file.dns_phase == "adopted"):
                raise output.CommandError(
                    f"{one.name} has a snapshot already: it is the way back. `--again` takes a new one, in the phase "
                    "`adopted` only"
                )
        taken: dict[str, ExistingZone] = {}
        try:
            for one in wanted:
                taken[one.name] = _read(folder, stack_file, one, from_file, resolvers, servers)
        except ApiError as error:
            raise output.CommandError(f"the zone cannot be read: {error}") from None
        except SnapshotError as error:
            raise output.CommandError(f"{from_file} {error}" if from_file else str(error)) from None
        existing = {**stack_file.existing, **taken}
        findings = plan(stack_file.settings, existing, "additive", live_spf(stack_file, resolvers)).findings
        if refused := [one for one in findings if one.level == "E"]:
            lines = "\n".join(f"  {one}" for one in refused)
            raise output.CommandError(f"records there stand in the way, nothing was changed:\n{lines}")

        def change(config: Any) -> None:
            table = config.setdefault(EXISTING, {})
            for name, zone in taken.items():
                table[name] = zone.model_dump(mode="json", exclude_defaults=True)
            config[DNS_PHASE] = "adopted"

        edit_config(folder, path, change)
    foreign = {name: len(foreign_records(stack_file.settings, existing, name)) for name in taken}
    if as_json:
        zones = [{"domain": name, "records": len(taken[name].records), "foreign": foreign[name]} for name in taken]
        made = {"label": label, "file": output.shown_path(path), "phase": "adopted", "zones": zones}
        output.print_json({**made, "warnings": [str(finding) for finding in findings]})
        return
    for name, zone in taken.items():
        typer.echo(
            f"{name}: {len(zone.records)} records found, {len(zone.records) - foreign[name]} in our places, "
            f"{foreign[name]} of others, never touched"
        )
    for finding in findings:
        typer.echo(f"warning: {finding}")
    typer.echo(f"{output.shown_path(path)}: phase adopted. Next: pulumi up -s {label} (changes no record)")


def _read(
    folder: Path,
    stack_file: StackFile,
    domain: Domain,
    file: Path | None,
    resolvers: Sequence[str] | None,
    servers: Sequence[str] | None,
) -> ExistingZone:
    now = datetime.now(UTC)
    if file is not None:
        return of_zone_file(file.read_text(encoding="utf-8"), domain.name, now)
    if domain.dns.provider == "cloudflare":
        api = dns_credentials.cloudflare(folder, stack_file)
        return of_cloudflare(api, domain.dns.zone_id, domain.name, now)
    if domain.dns.provider == "godaddy":
        return of_godaddy(dns_credentials.godaddy(folder, stack_file), domain.name, now)
    if domain.dns.provider == "local":
        raise output.CommandError(f"{domain.name} is served by the tenant itself: give its old zone by --from-file")
    # A server of the zone itself says the whole TTL; a resolver says what is left of it.
    everyone = asked(stack_file, domain.name, resolvers, servers) or [Answers.public()]
    # A policy of somebody's matters to the MX (STS-2), whether we have one or not.
    policy = Slot(f"_mta-sts.{domain.name}", "TXT", "STSv1")
    slots = {*managed_slots(stack_file.settings, {})[domain.name], policy}
    resolver = next((one for one in everyone if one.recursive), None)
    return of_answers(domain.name, slots, everyone[0], now, resolver)
