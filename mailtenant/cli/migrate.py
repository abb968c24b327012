"""`mailtenant migrate`: the move of a customer from the shared host to its own stack, ordered and watched."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from mailtenant.cli import output
from mailtenant.cli.control import control, operator
from mailtenant.cli.migrate_diagnose import diagnose
from mailtenant.cli.migrate_look import logins, usage
from mailtenant.cli.migrate_plan import plan, preflight, prove_keys, refuse_bad_keys
from mailtenant.cli.migrate_run import run
from mailtenant.cli.migrate_status import status, view
from mailtenant.control import customers, migrations
from mailtenant.control.plane import ControlPlane
from mailtenant.migration import State, Window, events

app = typer.Typer(help=__doc__)
app.command("preflight")(preflight)
app.command("plan")(plan)
app.command("run")(run)
app.command("status")(status)
app.command("logins")(logins)
app.command("usage")(usage)
app.command("diagnose")(diagnose)

Label = Annotated[str, typer.Argument(help="the customer's label")]
Reason = Annotated[str, typer.Option("--reason", help="why; the customer may read it")]
Until = Annotated[datetime, typer.Option("--until", help="the day (UTC) until which it is put off: 2027-01-31")]


@app.command("schedule")
def schedule(
    label: Label,
    start: Annotated[datetime, typer.Option("--start", help="when the window opens, in UTC: 2026-12-12T20:00")],
    minutes: Annotated[int, typer.Option(min=1, help="how long the window is")] = 120,
    interruption: Annotated[int, typer.Option(min=1, help="minutes of interruption to announce")] = 15,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Fix the window of LABEL's move, or another one, and announce it. Refused before the notice period, and when a DNS
    key of the customer does not read its zone now.

    Example: mailtenant migrate schedule acme --start 2026-12-12T20:00 --minutes 120 --interruption 15
    """
    try:
        window = Window(start.replace(tzinfo=UTC), minutes, interruption)
    except ValueError as error:
        raise output.CommandError(str(error)) from None
    with control(project) as plane:
        with plane.database.read() as session:
            state = migrations.load(session, customers.find(session, label))[1].state
        kind = events.Schedule if state is State.REQUESTED else events.Reschedule
        if kind is events.Schedule:
            refuse_bad_keys(prove_keys(plane, output.project_dir(project), label))
        _apply(plane, label, kind(window), as_json)


@app.command("defer")
def defer(
    label: Label, until: Until, reason: Reason, as_json: output.JsonOption = False, project: output.ProjectOption = None
) -> None:
    """Put LABEL's move off until a day.

    Example: mailtenant migrate defer acme --until 2027-01-31 --reason "season of sales"
    """
    _order(label, project, lambda: events.Defer(until.replace(tzinfo=UTC), reason), as_json)


@app.command("opt-out")
def opt_out(
    label: Label, until: Until, reason: Reason, as_json: output.JsonOption = False, project: output.ProjectOption = None
) -> None:
    """LABEL does not want to move; it is asked again at that day.

    Example: mailtenant migrate opt-out acme --until 2027-06-30 --reason "decided by its board"
    """
    _order(label, project, lambda: events.OptOut(until.replace(tzinfo=UTC), reason), as_json)


@app.command("resume")
def resume(label: Label, as_json: output.JsonOption = False, project: output.ProjectOption = None) -> None:
    """LABEL wants to move after all, before the day until which it was put off.

    Example: mailtenant migrate resume acme
    """
    _order(label, project, events.Resume, as_json)


@app.command("retry")
def retry(label: Label, as_json: output.JsonOption = False, project: output.ProjectOption = None) -> None:
    """What stopped LABEL's move was put right: go on where it stopped.

    Example: mailtenant migrate retry acme
    """
    _order(label, project, events.Retry, as_json)


@app.command("rollback")
def rollback(
    label: Label, reason: Reason, as_json: output.JsonOption = False, project: output.ProjectOption = None
) -> None:
    """Bring LABEL back to the shared host, from any step until the hold is over: mail that arrived on the new side is
    copied back, then clients and DNS. The step that is on ends first.

    Example: mailtenant migrate rollback acme --reason "their scanner cannot log in"
    """
    _order(label, project, lambda: events.RollBack(reason), as_json)


@app.command("request")
def request(label: Label, as_json: output.JsonOption = False, project: output.ProjectOption = None) -> None:
    """Once more from the start, after a rollback.

    Example: mailtenant migrate request acme
    """
    _order(label, project, events.Request, as_json)


@app.command("sign-off")
def sign_off(
    label: Label,
    by: Annotated[str, typer.Option("--by", help="who of the customer has agreed that all is well")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Note that the customer has verified the new side. The way back stays open until the hold is over.

    Example: mailtenant migrate sign-off acme --by "Jo Doe"
    """
    _order(label, project, lambda: events.Agree(by), as_json)


def _order(label: str, project: output.ProjectOption, event: Callable[[], events.Event], as_json: bool) -> None:
    with control(project) as plane:
        _apply(plane, label, event(), as_json)


def _apply(plane: ControlPlane, label: str, event: events.Event, as_json: bool) -> None:
    after = migrations.apply_event(plane, label, event, actor=operator())
    if as_json:
        output.print_json(view(plane, label))
        return
    typer.echo(f"{label}: {event.name}, now {after.state.value}")
    if after.window and isinstance(event, events.Schedule):
        ends = after.window.start + timedelta(minutes=after.window.minutes)
        typer.echo(
            f"window {after.window.start:%Y-%m-%d %H:%M} to {ends:%H:%M} UTC, at most {after.window.interruption} "
            "minutes of interruption; the announcement is on its way"
        )
