"""A tenant of which only the database runs, and the `mailtenant` command against it."""

import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailtenant.cli.app import run
from mailtenant.environment import tool_environment
from mailtenant.settings import load_stack_file
from tests.world.accounts.database import Database
from tests.world.conftest import PASSPHRASE, copy_project

LABEL = "ledger"
SUBNET, PUBLISH = "10.96.240.0/28", "127.0.2.240"
DOMAINS = ("ledger.test", "ledger-two.test")


@dataclass(frozen=True)
class Done:
    """What a command printed."""

    stdout: str
    stderr: str


class Command:
    """`mailtenant` as a person types it, in this process: starting Python anew costs more than most commands."""

    def __init__(self, project: Path, environment: dict[str, str]) -> None:
        self._project, self._environment = project, environment

    def __call__(self, *arguments: str, stdin: str = "", code: int = 0) -> Done:
        out, err = io.StringIO(), io.StringIO()
        typed = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "stdin", typed)
            patch.chdir(self._project)
            for name, value in self._environment.items():
                patch.setenv(name, value)
            ended = run(arguments)
        assert ended == code, f"exit code {ended}\n{out.getvalue()}\n{err.getvalue()}"
        return Done(out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def stack_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("ledger"))


@pytest.fixture(scope="session")
def command(stack_project: Path) -> Command:
    # A state of its own: nothing of this tenant is to be seen outside.
    state = stack_project / "state"
    state.mkdir()
    settings = {"PULUMI_CONFIG_PASSPHRASE": PASSPHRASE, "PULUMI_BACKEND_URL": f"file://{state}"}
    environment = {**tool_environment(), **settings}
    typed = Command(stack_project, environment)
    arguments = [
        "new",
        LABEL,
        "--platform-domain",
        "outboxment.test",
        "--provider",
        "local",
        "--edge-network",
        "mailtenant-test",
    ]
    arguments += [part for domain in DOMAINS for part in ("--domain", domain)]
    arguments += ["--contact-name", "Jo Doe", "--contact-email", "jo@example.com", "--edge-address", "10.97.1.240"]
    typed(*arguments, "--edge-dns", "10.97.0.53", "--publish", PUBLISH, "--internal-subnet", SUBNET)
    return typed


@pytest.fixture(scope="session")
def database(command: Command, stack_project: Path) -> Iterator[Database]:
    settings = load_stack_file(stack_project / "stacks" / f"Pulumi.{LABEL}.yaml").settings
    capacity = settings.capacity.model_copy(update={"mailboxes": 600, "storage_gib": 600, "mailbox_quota_mib": 1024})
    running = Database(settings.model_copy(update={"capacity": capacity}))
    try:
        running.up()
        yield running
    finally:
        running.down()


@pytest.fixture(autouse=True)
def clean_accounts(database: Database) -> Iterator[None]:
    """Each test begins with the settings of the stack file and no account but the built-in one."""
    yield
    database.reset()
