"""`mailtenant migrate status`: where a move is, once or live."""

import time
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from mailtenant.cli import output
from mailtenant.cli.control import control
from mailtenant.control import alerts, customers, migrations, reports
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import MigrationRow, Tenant
from mailtenant.migration import State
from mailtenant.migration.states import MEANINGS
from mailtenant.workflow import runs
from mailtenant.workflow.decide import STEPS, Step

RESTING: Final = {"completed", "rolled_back", "failed"}
PAUSE: Final = 1.0
ALERTS: Final = 5
"""The newest of them are shown."""


def status(
    label: Annotated[str | None, typer.Argument(help="the customer's label; without it, all moves in short")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="go on showing it until the move rests or fails")] = False,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Show where LABEL's move is: state, step, progress, what it waits for, the last events. Exits with 1 if it stands
    failed. With --follow and --json: one JSON document a line, whenever something has changed.

    Example: mailtenant migrate status acme --follow
    """
    with control(project) as plane:
        if label is None:
            if follow:
                raise output.CommandError("--follow shows one move: name the customer's label")
            _print_all(plane, as_json)
            return
        seen = _follow(plane, label, as_json) if follow else view(plane, label)
        if not follow:
            output.print_json(seen) if as_json else output.print_table(shown(seen))
    if seen["state"] == State.FAILED.value:
        raise typer.Exit(output.ExitCode.PROBLEM)


def view(plane: ControlPlane, label: str) -> dict[str, Any]:
    """Everything about a move as plain values; the keys are stable. Raises: NotFound"""
    with plane.database.read() as session:
        tenant = customers.find(session, label)
        row, migration = migrations.load(session, tenant)
        run = runs.get(session, tenant)
        history = migrations.history(session, tenant.id)
        window, failure, sign_off = migration.window, migration.failure, migration.sign_off
        return {
            "label": label,
            "state": migration.state.value,
            "means": MEANINGS[migration.state].what,
            "serving": migration.serving.value,
            "attempt": migration.attempt,
            "window": None
            if window is None
            else {"start": window.start.isoformat(), "minutes": window.minutes, "interruption": window.interruption},
            "announced": _time(migration.notified),
            "step": run.step if run and run.active else "",
            "waits_for": run.why if run and run.active else "",
            "until": _time(run.due_at) if run and run.active else None,
            "tries": run.tries if run else 0,
            "worker": run.worker if run and run.active else None,
            "progress": dict(row.progress),
            "failure": None if failure is None else {"during": failure.during, "why": failure.why, "fix": failure.fix},
            "checklist": {item.value: by for item, by in migration.checklist.items()},
            "sign_off": {"by": sign_off.by, "at": _time(sign_off.at)} if sign_off else None,
            "verification": reports.shown_verification(session, tenant.id, migration.attempt),
            **reports.shown_logins(session, tenant.id, migration.cut_over_at, plane.now()),
            "usage": reports.shown_usage(session, tenant.id),
            "alerts": [alerts.as_json(one) for one in alerts.listing(session, label, limit=ALERTS)],
            "events": [
                {"at": _time(one.at), "event": one.event, "state": one.target, "by": one.actor, "detail": one.detail}
                for one in history
            ],
        }


def shown(seen: dict[str, Any]) -> RenderableType:
    """The same for people."""
    head = Table.grid(padding=(0, 2))
    head.add_row("state", Text(f"{seen['state']}: {seen['means']}", style="bold"))
    head.add_row("served by", seen["serving"])
    if window := seen["window"]:
        head.add_row("window", f"{window['start']}, {window['minutes']} min, interruption {window['interruption']} min")
    if seen["step"]:
        does = STEPS[Step(seen["step"])][0]
        head.add_row("step", f"{seen['step']}: {does}" + (f" (try {seen['tries'] + 1})" if seen["tries"] else ""))
    if seen["waits_for"]:
        until = f", until {seen['until']}" if seen["until"] else ""
        head.add_row("waits for", seen["waits_for"] + until)
    if failure := seen["failure"]:
        head.add_row("failed", Text(f"during {failure['during']}: {failure['why']}", style="red"))
        head.add_row("fix", failure["fix"])
    if verified := seen["verification"]:
        red = [probe["name"] for probe in verified["probes"] if not probe["passed"]]
        head.add_row("verified", f"{verified['at']}: {len(verified['probes'])} probes, {', '.join(red) or 'all green'}")
    if signed := seen["sign_off"]:
        head.add_row("signed off", f"by {signed['by']}, {signed['at']}")
    if old := seen["old_host_logins"]:
        head.add_row("old host", f"{old['still']} mailboxes still log in there; looked {old['looked']}")
    parts: list[RenderableType] = [Text(seen["label"], style="bold"), head]
    if seen["old_host_logins"] and seen["old_host_logins"]["mailboxes"]:
        parts.append(old_host_table(seen["old_host_logins"]))
    if progress := seen["progress"]:
        parts.append(_bar(progress))
    events = Table("when", "event", "state", "by", box=None)
    for one in seen["events"][-8:]:
        events.add_row(one["at"], one["event"], one["state"], one["by"])
    if seen["alerts"]:
        table = Table("when", "alert", "what", "over", box=None)
        for one in seen["alerts"][::-1]:
            table.add_row(one["at"], one["kind"], Text(one["what"]), one["ended"] or "")
        parts.append(table)
    return Group(*parts, events)


def old_host_table(old: dict[str, Any]) -> Table:
    """Mailboxes that were seen at the old host after the cut-over."""
    table = Table("at the old host since the cut-over", "last seen", "from", "", box=None)
    for one in old["mailboxes"]:
        what = "still" if one["still"] else "has changed"
        what += "" if one["known"] else ", from strange addresses only"
        table.add_row(one["address"], one["last_seen"], ", ".join(one["clients"][:3]), what)
    return table


def _bar(progress: dict[str, Any]) -> RenderableType:
    left = progress.get("seconds_left")
    line = Table.grid(padding=(0, 2))
    line.add_row(
        ProgressBar(total=max(progress["mailboxes_total"], 1), completed=progress["mailboxes"], width=30),
        f"{progress['mailboxes']} of {progress['mailboxes_total']} mailboxes, {progress['messages']} messages, "
        f"{progress['octets'] / 1e6:.1f} MB" + (f", about {left:.0f} s left" if left is not None else ""),
    )
    return line


def _follow(plane: ControlPlane, label: str, as_json: bool) -> dict[str, Any]:
    last: dict[str, Any] = {}
    with Live(console=Console(stderr=as_json), auto_refresh=False, transient=as_json) as live:
        while True:
            seen = view(plane, label)
            if seen != last:
                if as_json:
                    _line(seen)
                else:
                    live.update(shown(seen), refresh=True)
                last = seen
            if seen["state"] in RESTING:
                return seen
            time.sleep(PAUSE)  # a person watches; the database is asked once a second


def _line(seen: dict[str, Any]) -> None:
    import json

    typer.echo(json.dumps(seen, ensure_ascii=False))


def _print_all(plane: ControlPlane, as_json: bool) -> None:
    with plane.database.read() as session:
        rows = session.execute(
            select(Tenant.label, MigrationRow.state, MigrationRow.window_start, MigrationRow.failed_why)
            .join(MigrationRow, MigrationRow.tenant_id == Tenant.id)
            .where(Tenant.removed_at.is_(None))
            .order_by(Tenant.label)
        ).all()
    found = [
        {"label": label, "state": state, "window": _time(start), "failure": why} for label, state, start, why in rows
    ]
    if as_json:
        output.print_json(found)
        return
    table = Table("label", "state", "window", "failed because")
    for one in found:
        table.add_row(one["label"], one["state"], one["window"] or "", one["failure"] or "")
    output.print_table(table)


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
