"""The tenant under test: `mailtenant new` and `pulumi up` in a scratch project, with a simulated internet of its own.

Names, networks and addresses are those of no demo and no test. Everything is removed at the end, after a failure too.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from bench.commands import run
from bench.target import Mailbox, Target
from mailtenant.accounts.passwords import hash_password
from mailtenant.environment import tool_environment
from mailtenant.fleet.leftovers import leftovers, remove
from mailtenant.settings import load_stack_file
from world import World, places_of

TREE: Final = Path(__file__).resolve().parents[1]
LABEL, DOMAIN = "bench", "bench.test"
NETWORK, SUBNET, DNS = "mailtenant-bench", "10.95.0.0/16", "10.95.0.53"
PASSPHRASE = "passphrase of the benchmarks, not a secret"  # noqa: S105
# Limits count each message, but never defer one here.
NO_LIMIT = {"day": 100_000_000}


@dataclass(frozen=True)
class Place:
    """A tenant's name, domain and addresses."""

    label: str = LABEL
    domain: str = DOMAIN
    publish: str = "127.0.8.2"
    edge: str = "10.95.1.10"
    internal: str = "10.94.0.0/28"


FIRST: Final = Place()
NEIGHBOUR: Final = Place("benchnext", "benchnext.test", "127.0.8.4", "10.95.1.20", "10.94.0.16/28")


class BenchTenant:
    """One tenant in a project and a backend of its own, below `folder`."""

    def __init__(self, client: Any, folder: Path, place: Place = FIRST) -> None:
        self.client, self.place = client, place
        self.project, backend = folder / "project", folder / "backend"
        backend.mkdir(parents=True)
        settings = {"PULUMI_BACKEND_URL": f"file://{backend}", "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
        self.environment = {**tool_environment(), **settings}
        self.environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        self.mailboxes: tuple[Mailbox, ...] = ()

    @property
    def stack_file(self) -> Path:
        return self.project / "stacks" / f"Pulumi.{self.place.label}.yaml"

    def new(self) -> None:
        """A stack file without sending limits. Program, components and templates are the tree's own."""
        (self.project / "stacks").mkdir(parents=True)
        shutil.copy(TREE / "Pulumi.yaml", self.project)
        shutil.copy(TREE / "stacks" / "__main__.py", self.project / "stacks")
        place = self.place
        command = ["mailtenant", "new", place.label, "--project", str(self.project), "--domain", place.domain]
        command += ["--platform-domain", "outboxment.test", "--provider", "local", "--edge-network", NETWORK]
        command += ["--edge-address", place.edge, "--edge-dns", DNS, "--publish", place.publish]
        command += ["--internal-subnet", place.internal]
        run(command, self.environment, TREE)
        yaml = YAML()
        document = yaml.load(self.stack_file)
        limits = {scope: dict(NO_LIMIT) for scope in ("mailbox", "domain", "tenant")}
        document["config"]["mailtenant:tenant"]["limits"] = limits
        # Published ports make `new` choose the short interval of a demo; a tenant in production is asked this often.
        document["config"]["mailtenant:tenant"]["tuning"] = {"health": {"interval_seconds": 30}}
        yaml.dump(document, self.stack_file)

    def pulumi(self, *arguments: str) -> str:
        command = ["pulumi", *arguments, "--stack", self.place.label, "--non-interactive", "--color", "never"]
        return run(command, self.environment, self.project)

    def up(self) -> None:
        self.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs")

    def add_mailboxes(self, number: int, password: str) -> None:
        """By CSV import, one hash for all, as the floor has it."""
        hashed = hash_password(password)
        people = [f"b{i}@{self.place.domain}" for i in range(number)]
        rows = [f'{person},"{hashed}"' for person in people]
        file = self.project / "mailboxes.csv"
        file.write_text("address,password_hash\n" + "\n".join(rows) + "\n", encoding="utf-8")
        run(
            ["mailtenant", "mailbox", "import", self.place.label, str(file), "--project", str(self.project)],
            self.environment,
            TREE,
        )
        self.mailboxes = tuple(Mailbox(person, password) for person in people)

    def containers(self) -> tuple[str, ...]:
        """Names of the running ones; carriers of files never run."""
        wanted = {"label": f"mailtenant.tenant={self.place.label}"}
        return tuple(sorted(container.name for container in self.client.containers.list(filters=wanted)))

    def target(self) -> Target:
        settings = load_stack_file(self.stack_file).settings
        smtp = f"{settings.prefix}-smtp"
        return Target(
            "tenant", self.place.publish, settings.host, settings.tls.ca, self.mailboxes, self.containers(), smtp
        )

    def forget(self) -> None:
        """As if it had never been up: engine and state are empty again, the stack file stays."""
        self.remove()
        self.pulumi("stack", "rm", "--force", "--yes", "--preserve-config")
        self.pulumi("stack", "init")

    def remove(self) -> None:
        """What the engine holds of the tenant, with its mail. The state goes with the folder."""
        remove(self.client, leftovers(self.client, self.place.label))


@contextmanager
def new_tenant(client: Any) -> Iterator[BenchTenant]:
    """The world up, the stack file made, nothing else yet."""
    world = World(name=NETWORK, subnet=SUBNET, client=client)
    with tempfile.TemporaryDirectory(prefix="mailtenant-bench-") as folder:
        tenant = BenchTenant(client, Path(folder))
        tenant.remove()
        try:
            tenant.new()
            world.up(places_of([load_stack_file(tenant.stack_file)]))
            yield tenant
        finally:
            try:
                tenant.remove()
            finally:
                world.down()


@contextmanager
def new_neighbour(client: Any, first: BenchTenant) -> Iterator[BenchTenant]:
    """Another one on the same engine, in the same internet."""
    world = World(name=NETWORK, subnet=SUBNET, client=client)
    with tempfile.TemporaryDirectory(prefix="mailtenant-bench-") as folder:
        tenant = BenchTenant(client, Path(folder), NEIGHBOUR)
        tenant.remove()
        try:
            tenant.new()
            world.up(places_of([load_stack_file(one.stack_file) for one in (first, tenant)]))
            yield tenant
        finally:
            tenant.remove()
