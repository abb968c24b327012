"""A tenant of which only the database runs, and the `mailtenant` command against it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailtenant.environment import tool_environment
from mailtenant.settings import load_stack_file
from tests.world.accounts.database import Database
from tests.world.conftest import PASSPHRASE, copy_project

LABEL = "ledger"
SUBNET, PUBLISH = "10.96.240.0/28", "127.0.2.240"
DOMAINS = ("ledger.test", "ledger-two.test")


class Command:
    """`mailtenant` as a person types it."""

    def __init__(self, project: Path, environment: dict[str, str]) -> None:
        self._project, self._environment = project, environment

    def __call__(self, *arguments: str, stdin: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["mailtenant", *arguments],
            env=self._environment,
            cwd=self._project,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done


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
