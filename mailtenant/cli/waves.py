"""`mailtenant waves`: the whole customer list in weekly waves: does it fit before the deadline, who moves when, what a
deferral moves."""

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.control import control

if TYPE_CHECKING:
    from mailtenant.control.plane import ControlPlane
    from mailtenant.migration import Window
    from mailtenant.migration.waves import Customer, Slot, WavePlan

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def waves(
    slot: Annotated[
        list[str] | None, typer.Option(help="a weekly window, `tue 20:00 180`: day, UTC, minutes; may repeat")
    ] = None,
    cap: Annotated[int, typer.Option(min=1, help="customers a week at most")] = 20,
    lanes: Annotated[int, typer.Option(min=1, help="customers at the same time")] = 1,
    start: Annotated[str | None, typer.Option(help="first day; default: when the notice period is over")] = None,
    deadline: Annotated[str | None, typer.Option(help="last day; default: two months after the first")] = None,
    interruption: Annotated[int, typer.Option(min=1, help="minutes announced to each customer")] = 15,
    canary: Annotated[list[str] | None, typer.Option(help="a customer that goes first; may repeat")] = None,
    defer: Annotated[str | None, typer.Option(help="what if this customer is put off?")] = None,
    until: Annotated[str | None, typer.Option(help="with --defer: until which day")] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Plan every customer that has not moved into weekly waves, beside those that have a date. Nothing is scheduled.
    Exits with 1 if they do not fit.

    Example: mailtenant waves --slot "tue 20:00 180" --slot "thu 20:00 180" --cap 10 --deadline 2027-02-28
    """
    from mailtenant.migration.waves import DEFAULT_DEADLINE, Calendar, plan
    from mailtenant.migration.waves import defer as put_off

    with control(project) as plane:
        first = _day(start, "--start") or (plane.now() + plane.settings.policy.notice).date() + timedelta(days=1)
        customers, dated = _customers(plane, interruption, set(canary or ()))
    scheduled = {label: window.start.isoformat() for label, window in dated.items()}
    try:
        slots = tuple(_slot(text) for text in slot or ("tue 20:00 180", "thu 20:00 180"))
        last = _day(deadline, "--deadline") or first + DEFAULT_DEADLINE
        calendar = Calendar(first, last, cap, slots, lanes, tuple(dated.values()))
    except ValueError as error:
        raise output.CommandError(str(error)) from None
    made = plan(customers, calendar)
    moves: list[dict[str, Any]] = []
    if until is not None and defer is None:
        raise output.CommandError("--until needs --defer, the customer that is put off until then")
    if defer is not None:
        day = _day(until, "--until")
        if day is None:
            raise output.CommandError("--defer needs --until, the day until which the customer is put off")
        try:
            made, changed = put_off(made, customers, calendar, defer, day)
        except KeyError:
            raise output.CommandError("--defer names no customer that still has to move") from None
        moves = [
            {
                "label": move.label,
                "before": move.before.start.isoformat() if move.before else None,
                "after": move.after.start.isoformat() if move.after else None,
            }
            for move in changed
        ]
    if as_json:
        output.print_json(_as_json(made, calendar.deadline, scheduled, moves))
    else:
        _print(made, calendar.deadline, scheduled, moves)
    if not made.fits:
        raise typer.Exit(output.ExitCode.PROBLEM)


def _customers(
    plane: "ControlPlane", interruption: int, canaries: set[str]
) -> tuple[list["Customer"], dict[str, "Window"]]:
    """Who still has to get a date, and who has one."""
    from mailtenant.control import customers, migrations
    from mailtenant.migration import State
    from mailtenant.migration.waves import Customer

    open_, dated = [], {}
    with plane.database.read() as session:
        for tenant in customers.every(session):
            _, found = migrations.load(session, tenant)
            if found.state in (State.REQUESTED, State.DEFERRED, State.OPTED_OUT, State.ROLLED_BACK):
                until = found.until.date() if found.until and found.state is State.DEFERRED else None
                opted_out = found.state is State.OPTED_OUT
                open_.append(Customer(tenant.label, interruption, until, opted_out, tenant.label in canaries))
            elif found.window is not None and found.state is not State.COMPLETED:
                dated[tenant.label] = found.window
    return open_, dated


def _slot(text: str) -> "Slot":
    from mailtenant.migration.waves import Slot

    parts = text.split()
    try:
        day, at, minutes = parts
        return Slot(DAYS.index(day.lower()), time.fromisoformat(at), int(minutes))
    except ValueError:
        raise output.CommandError("--slot is `day hh:mm minutes` within one day, for example `tue 20:00 180`") from None


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise output.CommandError(f"{option} is a date, for example {datetime.now(UTC).date()}") from None


def _as_json(
    made: "WavePlan", deadline: date, scheduled: dict[str, str], moves: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "fits": made.fits,
        "deadline": deadline.isoformat(),
        "last_day": made.last_day.isoformat() if made.last_day else None,
        "weeks": [
            {
                "week": week.isoformat(),
                "customers": [
                    {"label": one.label, "start": one.window.start.isoformat(), "minutes": one.window.minutes}
                    for one in members
                ],
            }
            for week, members in made.weeks().items()
        ],
        "left_out": dict(made.left_out),
        "opted_out": list(made.opted_out),
        "scheduled": scheduled,
        "moves": moves,
    }


def _print(made: "WavePlan", deadline: date, scheduled: dict[str, str], moves: list[dict[str, Any]]) -> None:
    table = Table("week", "start (UTC)", "minutes", "customer")
    for week, members in made.weeks().items():
        for number, one in enumerate(members):
            shown = f"{week} ({len(members)})" if not number else ""
            table.add_row(shown, f"{one.window.start:%a %d %b %H:%M}", str(one.window.minutes), one.label)
    output.print_table(table)
    for label, why in made.left_out.items():
        typer.echo(f"no place for {label}: {why}")
    if made.opted_out:
        typer.echo(f"do not want to move, and are not in the plan: {', '.join(made.opted_out)}")
    if scheduled:
        typer.echo(f"have a date already: {', '.join(f'{label} {start}' for label, start in scheduled.items())}")
    for move in moves:
        typer.echo(f"moves: {move['label']}: {move['before'] or 'no place'} → {move['after'] or 'no place'}")
    if made.fits:
        typer.echo(f"all fit before {deadline}; the last one moves on {made.last_day or 'no day: nobody has to'}")
    else:
        typer.echo(f"{len(made.left_out)} do not fit before {deadline}")
