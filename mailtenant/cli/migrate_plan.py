"""`mailtenant migrate preflight` and `plan`: what would happen, and whether it may."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.control import control, operator
from mailtenant.control import customers, migrations, plan_letter, proofs
from mailtenant.control.plane import ControlPlane
from mailtenant.dns.preflight import Finding as ZoneFinding
from mailtenant.workflow.decide import BACK_FROM_TENANT, BACK_ON_SHARED, STEPS
from mailtenant.workflow.ports import StepError
from mailtenant.workflow.real.moves import PlaceSettings, RealMoves

Label = Annotated[str, typer.Argument(help="the customer's label")]
GIB = 1024**3


def preflight(label: Label, as_json: output.JsonOption = False, project: output.ProjectOption = None) -> None:
    """Check everything that must be right before LABEL moves: stack file, records, DNS keys, agreed size, password
    schemes, capacity. Changes nothing but the checklist: its item `dns` turns green or red by what the keys read. Exits
    with 1 if something is red.

    Example: mailtenant migrate preflight acme
    """
    with control(project) as plane:
        _known(plane, label)
        found = _moves(plane, project).preflight(label)
        prove_keys(plane, output.project_dir(project), label)
    if as_json:
        output.print_json([asdict(one) for one in found])
    else:
        table = Table("", "what", "found", "fix", title=f"preflight of {label}")
        for one in found:
            table.add_row("✓" if one.ok else "✗", one.subject, one.said, one.fix)
        output.print_table(table)
    if not all(one.ok for one in found):
        raise typer.Exit(output.ExitCode.PROBLEM)


def plan(
    label: Label,
    send: Annotated[bool, typer.Option("--send", help="also mail it to the customer's contacts")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="with --send: ask nothing")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Print what LABEL's move will do: steps in their order with what undoes them, sizes and estimates, the window,
    every record old → new. Changes nothing. With --send it goes to the customer's contacts, readable without access to
    anything: once each as long as it says the same.

    Example: mailtenant migrate plan acme --send
    """
    if as_json and send and not yes:
        raise output.CommandError("with --json nobody is asked: add --yes to send it")
    with control(project) as plane:
        made = planned(plane, _moves(plane, project), label)
        if not as_json:
            _print(made)
        if send:
            sent = plan_letter.send(plane, label, made, actor=operator(), agreed=None if yes else _agreed)
            made |= {"sent": sent.as_json()}
            if not as_json:
                typer.echo(sent.line())
    if as_json:
        output.print_json(made)


def _agreed(version: str, addresses: Sequence[str]) -> bool:
    return typer.confirm(f"Send this plan (version {version}) to {', '.join(addresses)}?")


def prove_keys(plane: ControlPlane, project: Path, label: str) -> Sequence[ZoneFinding]:
    """Reads each zone with the customer's key, and turns the checklist's item by it; what was found."""
    with plane.database.read() as session:
        by_key = proofs.zones_by_key(session, customers.find(session, label))
    if not by_key:
        return ()
    moves = RealMoves(plane, project, PlaceSettings.from_environment())
    try:
        found = moves.keys(label)
    except StepError as error:
        # Without a stack file there is no key that could be read.
        found = [ZoneFinding(zone, "the stored key", False, str(error)) for zone in sorted(by_key)]
    with plane.database.write() as session:
        tenant = customers.find(session, label, lock=True)
        proofs.note_keys(plane, session, tenant, [asdict(one) for one in found], actor=operator())
    return found


def refuse_bad_keys(found: Sequence[ZoneFinding]) -> None:
    """Raises: CommandError, naming each zone that its key does not read or may not write."""
    if red := [f"{one.zone}: {one.said}" for one in found if not one.ok]:
        raise output.CommandError(f"no date is fixed while a DNS key is not right: {'; '.join(red)}")


def planned(plane: ControlPlane, moves: RealMoves, label: str) -> dict[str, Any]:
    """The plan as plain values: the same for the same customer, settings and sizes."""
    _known(plane, label)
    with plane.database.read() as session:
        migration = migrations.load(session, customers.find(session, label))[1]
    size, window = moves.estimate(label), migration.window
    changes = moves.open(label).dns.changes()
    back = {*BACK_FROM_TENANT, *BACK_ON_SHARED}
    return {
        "label": label,
        "state": migration.state.value,
        "from": plane.settings.shared_imap_host,
        "to": plane.settings.tenant_host(label),
        "window": None
        if window is None
        else {"start": window.start.isoformat(), "minutes": window.minutes, "interruption": window.interruption},
        "mailboxes": dict(size.mailboxes),
        "octets": sum(size.mailboxes.values()),
        "estimate": {"copy_seconds": round(size.copy_seconds), "freeze_seconds": round(size.freeze_seconds)},
        "steps": [
            {"step": step.value, "does": does, "undo": undo} for step, (does, undo) in STEPS.items() if step not in back
        ],
        "records": [asdict(change) for change in changes],
        "rollback": [{"step": step.value, "does": STEPS[step][0]} for step in (*BACK_FROM_TENANT, *BACK_ON_SHARED)],
    }


def _print(made: dict[str, Any]) -> None:
    window = made["window"]
    typer.echo(f"{made['label']}: {made['from']} → {made['to']}, now {made['state']}")
    when = f"{window['start']}, {window['minutes']} minutes" if window else "not fixed: mailtenant migrate schedule"
    typer.echo(f"window: {when}")
    estimate, size = made["estimate"], f"{made['octets'] / GIB:.2f} GiB"
    typer.echo(
        f"{len(made['mailboxes'])} mailboxes, {size}: about {estimate['copy_seconds']} s to copy while live, about "
        f"{estimate['freeze_seconds']} s of interruption"
    )
    steps = Table("step", "does", "undone by", title="steps, in this order")
    for one in made["steps"]:
        steps.add_row(one["step"], one["does"], one["undo"])
    output.print_table(steps)
    records = Table("phase", "name", "type", "old", "new", "by", title="records, old → new")
    for one in made["records"]:
        who = "the customer" if one["by_hand"] else "us"
        records.add_row(one["phase"], one["name"], one["type"], one["old"], one["new"], who)
    output.print_table(records)
    back = Table("step", "does", title="a rollback, as far as it is needed, in this order")
    for one in made["rollback"]:
        back.add_row(one["step"], one["does"])
    output.print_table(back)


def _moves(plane: ControlPlane, project: Path | None) -> RealMoves:
    return RealMoves(plane, output.project_dir(project), PlaceSettings.from_environment())


def _known(plane: ControlPlane, label: str) -> None:
    """Raises: NotFound"""
    with plane.database.read() as session:
        customers.find(session, label)
