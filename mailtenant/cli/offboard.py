"""`mailtenant offboard`: a customer leaves. Export, DNS handed back, removal, proof."""

import json
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mailtenant.accounts.engine import TenantEngine
from mailtenant.cli import output
from mailtenant.draining import NodeQueues
from mailtenant.fleet.export import LIST, Exported, begin_export, earlier_export, export_all, note_export
from mailtenant.fleet.leftovers import Leftovers, engine_client, leftovers, mail_servers, remove
from mailtenant.fleet.provider_limits import TOKENS
from mailtenant.fleet.stacks import TenantStack
from mailtenant.fleet.suspension import note_of, suspend
from mailtenant.fleet.tombstones import bury
from mailtenant.settings import StackFile, load_stack_file

BEGUN, REPORT = "removal-begun.json", "removal.json"


def offboard(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    folder: Annotated[Path, typer.Argument(help="folder for the export and the report; made if it is not there")],
    confirm: Annotated[str | None, typer.Option(help="the label again, instead of typing it when asked")] = None,
    export_only: Annotated[bool, typer.Option("--export-only", help="suspend and export; remove nothing")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Export LABEL's mail, accounts and records to FOLDER, then remove it for good, and prove that nothing is left.

    The tenant is suspended first, so that the export is whole. Records at a DNS provider must be handed back before:
    phase `adopted`. Can be run again after an interruption. The label is never given to another tenant.

    Example: mailtenant offboard acme ./acme-export
    """
    root = output.project_dir(project)
    path = output.stack_file(project, label)
    stack_file = load_stack_file(path)
    _dns_is_handed_back(stack_file)
    found = leftovers(client := engine_client(stack_file.settings.platform), label)
    earlier = earlier_export(folder, label)
    console = Console(stderr=True, quiet=as_json)
    servers = mail_servers(client, label, stack_file.settings.prefix)
    exported = earlier.files if earlier.closed and not servers else None
    if exported is None:
        with console.status("suspending") as status:
            suspend(root / "stacks", TenantEngine.of(stack_file.settings), "offboarding", datetime.now(UTC))
            if servers or not earlier.closed:
                begin_export(folder, label)
            if not export_only:
                # What was answered with 250 after the export would be deleted unread: senders keep it from here on.
                status.update("closing port 25")
                for server in servers:
                    server.stop(timeout=60)
                note_export(folder, label, closed=True)
            exported = export_all(stack_file, folder, status.update)
        if not export_only:  # the next run of an export alone looks again
            text = json.dumps([asdict(one) for one in exported], indent=2) + "\n"
            (folder / LIST).write_text(text, encoding="utf-8")
    size = sum(one.size for one in exported)
    console.print(f"{label}: {len(exported)} files, {size} octets exported to {folder}", highlight=False)
    if export_only:
        output.print_json({"label": label, "exported": [asdict(one) for one in exported]}) if as_json else None
        return
    _asked(label, found, confirm, console)
    found = _with_earlier(folder, found)
    stack = TenantStack(root, label)
    if stack.exists():
        environment = TenantEngine.of(stack_file.settings).environment
        stack.forget(purge=bool(NodeQueues(stack_file.settings, environment).there()))
    remove(client, leftovers(client, label))
    report = _report(root, stack_file, found, exported, leftovers(client, label), stack.exists())
    (folder / REPORT).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if report["left"]:
        raise output.CommandError(f"still there, remove by hand and run this again: {', '.join(report['left'])}")
    bury(root / "stacks", label, datetime.now(UTC).date())
    note_of(root / "stacks", label).unlink(missing_ok=True)
    shutil.move(path, folder / path.name)  # the folder may be on another disk
    if as_json:
        output.print_json(report)
        return
    typer.echo(
        f"{label} is gone: {len(report['removed'])} objects removed, nothing with its label is left on the engine or "
        f"in the state ({folder / REPORT}). Its stack file is in {folder}; the label is never used again."
    )
    if report["records_by_hand"]:
        typer.echo(f"Records that people entered by hand are for people to remove: {folder / 'records.zone'}")


def _dns_is_handed_back(stack_file: StackFile) -> None:
    settings = stack_file.settings
    held = [domain.name for domain in settings.domains if domain.dns.provider in TOKENS]
    if held and stack_file.dns_phase != "adopted":
        raise output.CommandError(
            f"records of {', '.join(held)} are still under management; hand them back first: "
            f"`mailtenant dns phase {settings.label} adopted`, `pulumi up -s {settings.label}`"
        )


def _asked(label: str, found: Leftovers, confirm: str | None, console: Console) -> None:
    console.print(f"This deletes all mail, queued mail and accounts of {label}, for good:", highlight=False)
    for volume in found.volumes:
        console.print(f"  volume {volume}", highlight=False)
    typed = confirm if confirm is not None else typer.prompt(
        f"Type the label ({label}) to go on", default="", show_default=False, err=True
    )  # fmt: skip
    if typed.strip() != label:
        raise output.CommandError("the label was not typed; the export is kept, nothing was deleted")


def _with_earlier(folder: Path, found: Leftovers) -> Leftovers:
    """Together with what an interrupted run had found; noted before anything is removed."""
    path = folder / BEGUN
    earlier = Leftovers(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else Leftovers((), (), ())
    both = {kind: tuple(sorted({*names, *getattr(earlier, kind)})) for kind, names in asdict(found).items()}
    path.write_text(json.dumps(both), encoding="utf-8")
    return Leftovers(**both)


def _report(
    root: Path, stack_file: StackFile, found: Leftovers, exported: list[Exported], left: Leftovers, in_backend: bool
) -> dict[str, Any]:
    """What was there, what is left: the proof."""
    settings = stack_file.settings
    by_hand = [d.name for d in settings.domains if d.dns.provider == "manual"]
    return {
        "label": settings.label, "host": settings.host, "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "removed": [f"{kind} {name}" for kind, names in asdict(found).items() for name in names],
        "left": [*(f"{kind} {name}" for kind, names in asdict(left).items() for name in names),
                 *(["stack in the backend"] if in_backend else [])],
        "records_by_hand": by_hand, "exported": [asdict(one) for one in exported],
    }  # fmt: skip
