"""What people see of a fleet: the table of tenants, a rollout while it goes on, and how it ended."""

import threading
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mailtenant.cli import output
from mailtenant.fleet.journal import RolloutView, RunView
from mailtenant.fleet.survey import Survey

_COLOURS: Final = {"done": "green", "failed": "red", "reverted": "red", "running": "cyan", "held": "yellow"}
_SHOWN: Final = {"up": "up", "new": "not up yet", "down": "down", "unknown": "engine silent"}
_ROWS: Final = 24


def survey_table(found: Survey) -> Table:
    table = Table(box=None, padding=(0, 1))
    for heading in ("tenant", "release", "", "containers", "an `up` would"):
        table.add_column(heading, justify="right" if heading == "containers" else "left")
    for one in found.tenants:
        todo = "have nothing to do" if one.unchanged else "be refused" if one.refused else "run"
        table.add_row(one.label, one.release, _SHOWN[one.state], str(one.containers), todo)
    return table


def print_rollout(view: RolloutView) -> None:
    """How it stands, worst first, one line a tenant that is not simply done."""
    target = f" to release {view.release}" if view.release else ""
    done, of = view.count("done", "unchanged"), len(view.runs)
    lines = [Text(f"rollout {view.id}{target}: {view.state}, {done} of {of} done", style="bold")]
    if view.reason:
        lines.append(Text(f"  {view.reason}", style="yellow"))
    for run in sorted(view.runs, key=lambda r: ("failed", "reverted").count(r.state), reverse=True):
        if run.state != "done":
            lines.append(_line(run))
    if view.state == "halted":
        lines.append(Text("  `mailtenant fleet resume` goes on; `mailtenant fleet halt --end` ends it"))
    for line in lines:
        output.print_table(line)


def _line(run: RunView) -> Text:
    doing = f" ({run.step})" if run.state == "running" and run.step else ""
    why = f": {run.error}" if run.error else ""
    return Text(f"  {run.label}  {run.state}{doing}{why}", style=_COLOURS.get(run.state, ""))


class ProgressDisplay:
    """On stderr: a live table on a terminal; elsewhere one line a change; nothing if `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._live = (
            Live(console=self._console, auto_refresh=False, transient=True) if self._console.is_terminal else None
        )
        self._doing: dict[str, str] = {}
        self._told: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def tell(self, label: str, line: str) -> None:
        """What a tenant is doing just now; from any thread."""
        with self._lock:
            self._doing[label] = line

    def show(self, view: RolloutView) -> None:
        if self._live:
            self._live.update(self._table(view), refresh=True)
            return
        for run in view.runs:
            now = (run.state, run.step)
            if self._told.get(run.label, ("waiting", "")) != now:
                self._told[run.label] = now
                self._console.print(f"wave {run.wave + 1}", _line(run))

    def _table(self, view: RolloutView) -> Table:
        done = view.count("done", "unchanged")
        table = Table(box=None, padding=(0, 1), title=f"rollout {view.id}: {done} of {len(view.runs)} done",
                      title_justify="left")  # fmt: skip
        for heading in ("wave", "tenant", "", ""):
            table.add_column(heading)
        busy = [run for run in view.runs if run.state not in ("waiting", "done", "unchanged")]
        for run in busy[-_ROWS:]:
            doing = self._doing.get(run.label, "") if run.state == "running" else run.error
            table.add_row(str(run.wave + 1), run.label, Text(run.step or run.state, style=_COLOURS.get(run.state, "")),
                          Text(doing[:80]))  # fmt: skip
        return table
