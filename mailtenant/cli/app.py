"""The command `mailtenant`: the table of its commands, and what the user sees when one fails.

A command's module is imported when the command is typed: `mailtenant --help` must not wait for database drivers.
"""

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Annotated, Any, Final

import typer

from mailtenant import __version__
from mailtenant.cli.output import CommandError, ExitCode, print_error

EPILOG = (
    "Exit codes: 0 ok, 1 a problem was found or the command was refused, 2 wrong usage, 3 the machine lacks something."
)


@dataclass(frozen=True)
class CommandEntry:
    """Where a command lives: a function (or a Typer, for a group) in a module, and its line in `--help`."""

    name: str
    module: str
    attribute: str
    summary: str


COMMANDS: Final = (
    CommandEntry("new", "mailtenant.cli.new", "new", "Write a complete stack file for a new tenant."),
    CommandEntry("validate", "mailtenant.cli.validate", "validate", "Check stack files: every problem at once."),
    CommandEntry("diff", "mailtenant.cli.diff", "diff", "What a change of the repository does to which tenant."),
    CommandEntry("ci", "mailtenant.cli.ci", "app", "What a pull request's workflows run: previews, comment, deploy."),
    CommandEntry("render", "mailtenant.cli.render", "render", "Write every configuration file of a tenant, offline."),
    CommandEntry("records", "mailtenant.cli.records", "records_command", "Print the DNS records that a tenant needs."),
    CommandEntry("dns", "mailtenant.cli.dns", "app", "DNS records by phase: plan, hand over, adopt, verify."),
    CommandEntry("dkim", "mailtenant.cli.dkim", "app", "DKIM keys: which signs, and one step of a rotation."),
    CommandEntry(
        "web-certificate", "mailtenant.cli.web_certificate", "web_certificate", "Certificate of the web host."
    ),
    CommandEntry("domain", "mailtenant.cli.domain", "app", "Domains: add one with its DKIM key."),
    CommandEntry("mailbox", "mailtenant.cli.mailbox", "app", "Mailboxes: add, list, passwd, quota, remove, import …"),
    CommandEntry("alias", "mailtenant.cli.alias", "app", "Aliases and catch-all addresses."),
    CommandEntry("customer", "mailtenant.cli.customer", "app", "Customers: add, confirm a label, contacts, checklist."),
    CommandEntry("key", "mailtenant.cli.key", "app", "API keys of customers: create, import, list, revoke."),
    CommandEntry("notifications", "mailtenant.cli.notifications", "app", "Messages to customers: list, send, retry."),
    CommandEntry("waves", "mailtenant.cli.waves", "waves", "Who moves in which week, and whether all fit."),
    CommandEntry("serve", "mailtenant.cli.serve", "serve", "The customers' HTTP API, its tasks and the outbox."),
    CommandEntry("nodes", "mailtenant.cli.nodes", "nodes", "How many mail servers a tenant has."),
    CommandEntry("usage", "mailtenant.cli.usage", "usage", "What a tenant uses and has sent, against what it may."),
    CommandEntry("pause", "mailtenant.cli.pause", "pause", "Stop a mailbox, a domain or a tenant from sending."),
    CommandEntry("resume", "mailtenant.cli.pause", "resume", "Let it send again."),
    CommandEntry("check", "mailtenant.cli.check", "check", "Log in, send, receive and judge a running tenant."),
    CommandEntry("watch", "mailtenant.cli.watch", "watch", "Look at tenants that serve: certificates, DNS, check …"),
    CommandEntry("alerts", "mailtenant.cli.alerts", "app", "Alerts to operators: what was told, what is still on."),
    CommandEntry("migrate", "mailtenant.cli.migrate", "app", "Move a customer from the shared host to its own stack."),
    CommandEntry("fleet", "mailtenant.cli.fleet", "app", "Many tenants at once, in waves: plan, rollout, resume …"),
    CommandEntry("suspend", "mailtenant.cli.suspend", "suspend", "No logins, no sending; mail is still taken in."),
    CommandEntry("unsuspend", "mailtenant.cli.suspend", "unsuspend", "Undo a suspension."),
    CommandEntry("offboard", "mailtenant.cli.offboard", "offboard", "Export a tenant, then remove it with proof."),
    CommandEntry("down", "mailtenant.cli.down", "down", "Stop a tenant; mail, queue and accounts stay."),
    CommandEntry("purge", "mailtenant.cli.down", "purge", "Remove a tenant and all its mail for good."),
    CommandEntry("recover", "mailtenant.cli.recover", "recover", "Start what a restarted engine left behind."),
    CommandEntry("schema", "mailtenant.cli.schema", "schema", "Write the editor schema and the settings reference."),
)

# Exceptions that are answers to the user, by module and name, so that nothing is imported just to catch it.
_ANSWERS: Final = {
    ("mailtenant.settings.errors", "SettingsErrors"): ExitCode.PROBLEM,
    ("mailtenant.secrets", "SecretsError"): ExitCode.PROBLEM,
    ("mailtenant.rendering.filters", "UnsafeValue"): ExitCode.PROBLEM,
    ("mailtenant.accounts.errors", "AccountsUnavailable"): ExitCode.ENVIRONMENT,
    ("mailtenant.accounts.errors", "AccountError"): ExitCode.PROBLEM,
    ("mailtenant.dns.findings", "PlanRefused"): ExitCode.PROBLEM,
    ("mailtenant.fleet.stacks", "MachineLacks"): ExitCode.ENVIRONMENT,
    ("mailtenant.fleet.stacks", "StackError"): ExitCode.PROBLEM,
    ("mailtenant.control.errors", "Misconfigured"): ExitCode.ENVIRONMENT,
    ("mailtenant.control.errors", "ControlError"): ExitCode.PROBLEM,
    ("mailtenant.migration.machine", "Refused"): ExitCode.PROBLEM,
    ("mailtenant.migration.sides", "SideError"): ExitCode.PROBLEM,
    ("mailtenant.workflow.ports", "StepError"): ExitCode.PROBLEM,
    ("mailtenant.workers.locks", "Busy"): ExitCode.PROBLEM,
    ("mailtenant.draining", "EngineSilent"): ExitCode.ENVIRONMENT,
    ("mailtenant.draining", "DrainError"): ExitCode.PROBLEM,
    ("docker.errors", "APIError"): ExitCode.PROBLEM,
}


def main() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding shows `?` for a sign that it lacks; that is no reason to end a command.
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(errors="replace")
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code; errors of ours are printed on stderr, without a traceback."""
    try:
        build(arguments)(args=list(arguments), prog_name="mailtenant")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception as error:
        code, answer = _answer(error)
        if answer is None:
            raise
        print_error(answer)
        return code
    return ExitCode.OK


def build(arguments: Sequence[str] | None = None) -> typer.Typer:
    """The application. With `arguments`, only the modules of the commands named there are imported."""
    app = typer.Typer(
        name="mailtenant",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help="Single-tenant mail systems as Pulumi stacks: one stack file a tenant.",
        epilog=EPILOG,
    )
    app.callback()(_options)
    for entry in COMMANDS:
        _register(app, entry, real=arguments is None or entry.name in arguments)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mailtenant {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", help="print the version", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _register(app: typer.Typer, entry: CommandEntry, *, real: bool) -> None:
    if not real:
        app.command(entry.name, help=entry.summary)(_only_listed)
        return
    found: Any = getattr(importlib.import_module(entry.module), entry.attribute)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=entry.name, short_help=entry.summary, no_args_is_help=True)
    else:
        command: Callable[..., Any] = found
        app.command(entry.name, short_help=entry.summary, no_args_is_help=False)(command)


def _only_listed() -> None:
    """Stands in `--help` for a command whose module this run does not need."""


def _answer(error: Exception) -> tuple[int, Exception | None]:
    """Exit code and what to print; None for what is no answer but a defect, whose traceback is wanted."""
    if isinstance(error, CommandError):
        return error.exit_code, error
    for kind in type(error).__mro__:
        if (code := _ANSWERS.get((kind.__module__, kind.__name__))) is not None:
            return code, error
        if (kind.__module__, kind.__name__) == ("docker.errors", "DockerException"):
            return ExitCode.ENVIRONMENT, CommandError(
                "no Docker engine answers; start it, or name it in DOCKER_HOST (`make setup` starts one where it may)"
            )
    if isinstance(error, OSError) and error.filename and error.strerror:
        return ExitCode.PROBLEM, CommandError(f"{error.filename}: {error.strerror}")
    return ExitCode.PROBLEM, None
