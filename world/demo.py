"""`make demo` and `make demo-down`: one tenant, up for real on the embedded default, with mail flowing in and out.

What it does is what a platform engineer does by hand: start the surroundings (the simulated internet), `pulumi up`,
add mailboxes, `mailtenant check`. Passwords are made anew at each run and printed once, at the end.
"""

import argparse
import os
import secrets
import smtplib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from docker.errors import APIError, DockerException
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.errors import AccountError
from mailtenant.accounts.model import NewMailbox
from mailtenant.accounts.passwords import hash_password
from mailtenant.accounts.store import AccountStore
from mailtenant.environment import tool_environment
from mailtenant.fleet.leftovers import engine_client, leftovers, remove
from mailtenant.fleet.stacks import StackError, TenantStack
from mailtenant.settings import SettingsErrors, StackFile, load_fleet, load_stack_file
from world import World, places_of
from world.demo_mail import Person, outside_verdict, send_to_a_colleague
from world.engine import WorldError

TREE = Path(__file__).resolve().parents[1]
LABEL = "acme"
PEOPLE = ("jo", "ann")
T = TypeVar("T")

console = Console(highlight=False)


def main() -> int:
    """`python -m world.demo up|names|down`. Exit codes: 0 done, 1 something failed (said on stderr).

    `names` tells the simulated internet of all tenants in stacks/ that live on its network, after a new one was added.
    """
    parser = argparse.ArgumentParser(prog="python -m world.demo", description=__doc__)
    parser.add_argument("verb", choices=("up", "names", "down"))
    parser.add_argument("--yes", action="store_true", help="down: do not ask before the mail is deleted")
    arguments = parser.parse_args()
    _use_demo_environment()
    try:
        stack_file = load_stack_file(TREE / "stacks" / f"Pulumi.{LABEL}.yaml")
        if arguments.verb == "up":
            return up(stack_file)
        if arguments.verb == "names":
            tell_names(stack_file)
            return 0
        return down(stack_file, ask=not arguments.yes and sys.stdin.isatty())
    except (SettingsErrors, StackError, AccountError, WorldError, OSError, smtplib.SMTPException, APIError) as error:
        print(f"demo: {error}", file=sys.stderr)
    except DockerException:
        print("demo: no Docker engine answers; `make setup` starts one where it may", file=sys.stderr)
    return 1


def up(stack_file: StackFile) -> int:
    """Brings everything up and shows mail flowing; returns the exit code of `mailtenant check`."""
    settings = stack_file.settings
    tell_names(stack_file)
    stack = TenantStack(TREE, LABEL)
    console.rule(f"pulumi up --stack {LABEL}")
    stack.select(create=True)
    stack.up()
    console.rule()
    people = step(
        "mailboxes " + ", ".join(f"{name}@{settings.domains[0].name}" for name in PEOPLE), lambda: _people(stack_file)
    )
    jo, ann = people
    step(f"{jo.address} → {ann.address} over 465, read over 993", lambda: send_to_a_colleague(settings, jo, ann))
    verdict = step(
        f"{jo.address} → echo@elsewhere.test, judged there, answer read over 993", lambda: outside_verdict(settings, jo)
    )
    console.print(f"      the outside MX says: {verdict}")
    console.rule(f"mailtenant check {LABEL}")
    code = _check()
    _connection_details(stack_file, people)
    return code


def tell_names(stack_file: StackFile) -> None:
    """The simulated internet up, its DNS delegating to every tenant of stacks/ on the demo's network."""
    network = stack_file.settings.edge.network
    tenants = [one for one in load_fleet(TREE / "stacks")[0] if one.settings.edge.network == network]
    world = World(name=network)
    step("simulated internet: DNS and an outside mail server", lambda: world.up(places_of(tenants)))


def down(stack_file: StackFile, *, ask: bool) -> int:
    """Removes the tenant with its mail, and the simulated internet; says what it deletes first."""
    client = engine_client()
    found = leftovers(client, LABEL)
    if found.volumes:
        console.print(f"This deletes all mail, queued mail and accounts of the demo tenant {LABEL}:")
        console.print("\n".join(f"  volume {name}" for name in found.volumes))
        if ask and console.input(f"Type the label ({LABEL}) to go on: ").strip() != LABEL:
            console.print("Nothing was deleted.")
            return 1
    stack = TenantStack(TREE, LABEL)
    if stack.exists():
        stack.forget()
    remove(client, leftovers(client, LABEL))
    try:
        World(name=stack_file.settings.edge.network).down()
    except WorldError as error:
        console.print(f"The demo tenant {LABEL} is gone with its mail; the simulated internet stays: {error}")
        return 0
    console.print(f"The demo is gone: tenant {LABEL}, its mail, and the simulated internet.")
    return 0


def step(title: str, action: Callable[[], T]) -> T:
    """Runs one step; prints its name and how long it took."""
    started = time.monotonic()
    with console.status(title):
        answer = action()
    console.print(f"[green]✓[/] {title} [dim]({time.monotonic() - started:.1f} s)[/]")
    return answer


def _use_demo_environment() -> None:
    os.environ.update(tool_environment())
    # The published passphrase, whatever the shell has: this stack file is encrypted with no other.
    os.environ.pop("PULUMI_CONFIG_PASSPHRASE", None)
    os.environ["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(TREE / "stacks" / "demo-passphrase.txt")


def _people(stack_file: StackFile) -> list[Person]:
    """The demo's mailboxes with fresh passwords: made, or given a new password if a former run made them."""
    domain = stack_file.settings.domains[0].name
    people = [Person(f"{name}@{domain}", secrets.token_urlsafe(15)) for name in PEOPLE]
    with AccountStore(TenantEngine.of(stack_file.settings)) as store:
        known = {mailbox.address for mailbox in store.mailboxes()}
        for person in people:
            hashed = hash_password(person.password)
            if person.address in known:
                store.set_password(person.address, hashed)
            else:
                store.add(NewMailbox(person.address, hashed))
    return people


def _check() -> int:
    from mailtenant.cli.app import run

    return run(["check", LABEL, "--project", str(TREE)])


def _connection_details(stack_file: StackFile, people: list[Person]) -> None:
    settings = stack_file.settings
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, value in (
        ("IMAP", f"{settings.host}  port 993  SSL/TLS"),
        ("SMTP", f"{settings.host}  port 465  SSL/TLS   (or 587 STARTTLS)"),
        ("Sieve", f"{settings.host}  port 4190  STARTTLS"),
        ("from this machine", f"connect to {settings.publish}; the certificate is for {settings.host}"),
        ("CA certificate", f".venv/bin/pulumi stack output certificate_authority -s {LABEL}"),
        *((person.address, f"password {person.password}") for person in people),
        ("change something", f"edit stacks/Pulumi.{LABEL}.yaml, then: . ./env.sh demo && pulumi up -s {LABEL}"),
        ("take it down", "make demo-down"),
    ):
        table.add_row(name, value)
    console.print(Panel(table, title=f"{settings.organisation}: connection details", border_style="green"))


if __name__ == "__main__":
    sys.exit(main())
