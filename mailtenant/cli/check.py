"""`mailtenant check`: log in, send, receive and judge a running tenant, as a customer's mail client would."""

import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mailtenant.accounts.errors import AccountError
from mailtenant.check import Report, Status, StepResult, run_check
from mailtenant.check.failures import CheckFailed
from mailtenant.check.place import Place
from mailtenant.check.probe import cannot_probe, throw_away_mailbox
from mailtenant.check.report import count
from mailtenant.check.state import Check, Login
from mailtenant.cli import output
from mailtenant.settings import TenantSettings, load_stack_file

# The simulated internet answers here; real platforms name their own with --echo.
SIMULATED_ECHO = "echo@elsewhere.test"
_MARKS = {Status.PASSED: ("✓", "green"), Status.FAILED: ("✗", "red"), Status.SKIPPED: ("–", "yellow")}


def check(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    mailbox: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="use this mailbox; by default one is made and removed again")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="read the password of --mailbox from standard input")
    ] = False,
    echo: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="an address outside that answers with SPF and DKIM results")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="seconds to wait for one answer or one message")] = 60.0,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Log in to LABEL, send, receive, and let another server judge its mail.

    Makes a mailbox for itself and removes it with its mail at the end. Exit codes: 0 all is well, 1 a step failed.

    Example: mailtenant check acme --json
    """
    settings = load_stack_file(output.stack_file(project, label)).settings
    given = _given_login(mailbox, password_stdin)
    token = secrets.token_hex(6)
    report: Report | None = None
    try:
        with _terminable(), _progress(quiet=as_json) as progress, ExitStack() as cleanup:
            login = given or _made_login(cleanup, settings, token, progress)
            report = run_check(
                Check(
                    place=Place.of(settings, timeout),
                    login=login,
                    echo=echo or _default_echo(settings),
                    timeout=timeout,
                    token=f"{token}{secrets.token_hex(6)}",
                    now=lambda: datetime.now(UTC),
                ),
                progress,
            )
            progress("cleaning up")
    finally:
        # Also when the mailbox could not be removed: that error comes on top.
        if report:
            output.print_json(report.as_json()) if as_json else _print_report(report)
    if not report.ok:
        raise typer.Exit(output.ExitCode.PROBLEM)


def _made_login(
    cleanup: ExitStack, settings: TenantSettings, token: str, progress: Callable[[str], None]
) -> Login | CheckFailed:
    progress("a mailbox for the check")
    try:
        return cleanup.enter_context(throw_away_mailbox(settings, token))
    except AccountError as error:
        return cannot_probe(error)


def _given_login(mailbox: str | None, password_stdin: bool) -> Login | None:
    if mailbox is None:
        if password_stdin:
            raise typer.BadParameter("--password-stdin needs --mailbox ADDRESS")
        return None
    if not password_stdin:
        raise typer.BadParameter("--mailbox needs --password-stdin: others can read a password on the command line")
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise output.CommandError("no password on standard input; give it as one line")
    return Login(mailbox, password)


def _default_echo(settings: TenantSettings) -> str | None:
    return SIMULATED_ECHO if settings.platform_domain.endswith(".test") else None


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the check like Ctrl-C does, so that its mailbox is removed."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """What goes on, on stderr, while a person looks; nothing when it is a pipe."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield lambda text: status.update(Text(text))


def _print_report(report: Report) -> None:
    table = Table(box=None, padding=(0, 1), title=_headline(report), title_justify="left", title_style="bold")
    for heading in ("", "step", "found", "time"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "time" else "left")
    for step in report.steps:
        table.add_row(*_row(step))
    output.print_table(table)


def _headline(report: Report) -> Text:
    passed, failed = count(report.steps, Status.PASSED), count(report.steps, Status.FAILED)
    skipped = count(report.steps, Status.SKIPPED)
    result = "all is well" if report.ok else f"{failed} failed" if failed else "nothing was checked"
    more = f", {skipped} not tried" if skipped else ""
    return Text(
        f"{report.label} ({report.host} at {report.address}): {result}, {passed} passed{more}, {report.seconds:.1f} s"
    )


def _row(step: StepResult) -> tuple[Text, Text, Text, Text]:
    mark, colour = _MARKS[step.status]
    found = Text(step.detail)
    if step.status is Status.FAILED:
        found = Text.assemble((step.cause, "red"), "\n", ("fix: ", "bold"), step.fix)
    return Text(mark, style=colour), Text(step.title), found, Text(f"{step.seconds:.1f} s", style="dim")
