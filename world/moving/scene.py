"""The surroundings: a world with the shared host, its customers, and the stack file of the one that will move."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mailtenant.dns.planner import foreign_records, planned_records
from mailtenant.dns.zonefile import record_lines
from mailtenant.environment import tool_environment
from mailtenant.fleet.leftovers import engine_client, leftovers, remove
from mailtenant.settings import StackFile, load_stack_file
from mailtenant.settings.existing import Phase
from world import World, places_of
from world.shared_host import SharedCustomer, SharedMailbox, SharedSpec

TREE = Path(__file__).resolve().parents[2]
PASSPHRASE = "passphrase of a played move, not a secret"
ROOMY = "{mailbox: {hour: 100000, day: 100000}, domain: {day: 100000}, tenant: {day: 100000}}"
JO = SharedMailbox("jo", "pw of jo – ünïcode ✓", "SHA512-CRYPT", 100, "Jo Doe")
ANN = SharedMailbox("ann", "pw of ann", "SSHA512", 100, "Ann Roe")
MAX = SharedMailbox("max", "pw of max", "SSHA256")


@dataclass(frozen=True)
class Scene:
    """Names and addresses of one played move; two scenes with other ones do not disturb each other."""

    folder: Path
    network: str = "mailtenant-moving"
    subnet: str = "10.87.0.0/24"
    edge: str = "10.87.0.110"
    internal: str = "10.87.1.0/28"
    publish: str = "127.0.6.1"
    shared_publish: str = "127.0.6.200"
    label: str = "mover"
    domain: str = "mover.test"
    neighbour: str = "stayer.test"
    ttl: int = 60
    """Seconds for which the customer's records may be remembered, before the move and in it."""
    standing: bool = False
    """Servers serve several moves, and are looked at by `pulumi up` only where that can change them."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    catch_all: bool = False
    """Ann gets what is addressed to nobody."""

    @property
    def customer(self) -> SharedCustomer:
        everyone = (f"jo@{self.domain}", f"ann@{self.domain}")
        rest = {"": everyone[1:]} if self.catch_all else {}
        return SharedCustomer(self.domain, (JO, ANN), {"sales": everyone, **rest})

    @property
    def spec(self) -> SharedSpec:
        stays = SharedCustomer(self.neighbour, (MAX,), {"friends": (f"jo@{self.domain}", f"max@{self.neighbour}")})
        return SharedSpec((self.customer, stays), self.shared_publish)

    @property
    def passwords(self) -> Mapping[str, str]:
        """Address → password, of both customers."""
        return {one.address(box): box.password for one in self.spec.customers for box in one.mailboxes}

    @property
    def world(self) -> World:
        return World(name=self.network, subnet=self.subnet)

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def stack_file(self) -> StackFile:
        return load_stack_file(self.project / "stacks" / f"Pulumi.{self.label}.yaml")

    def tools(self) -> dict[str, str]:
        """The environment of every command of the scene."""
        own = {
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "MAILTENANT_PROJECT": str(self.project),
        }
        return {**tool_environment(), **own, **self.environment}

    def build(self) -> None:
        """World up, stack file written, the customer's records adopted; nothing of the tenant runs yet."""
        (self.project / "stacks").mkdir(parents=True)
        (self.folder / "backend").mkdir()
        shutil.copy(TREE / "Pulumi.yaml", self.project)
        shutil.copy(TREE / "stacks" / "__main__.py", self.project / "stacks")
        dns = f"{self.subnet.rsplit('.', 1)[0]}.53"
        self.run(
            "mailtenant", "new", self.label, "--platform-domain", "outboxment.test", "--provider", "local",
            "--domain", self.domain, "--organisation", "Mover Ltd", "--contact-name", "Jo Doe",
            "--contact-email", "jo@example.com", "--edge-network", self.network, "--edge-address", self.edge,
            "--edge-dns", dns, "--publish", self.publish, "--internal-subnet", self.internal,
        )  # fmt: skip
        path = self.stack_file.path
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"(?m)^    limits: .*$", f"    limits: {ROOMY}", text)
        text = re.sub(rf"(?m)^(      - name: {self.domain}\n        dns: ){{.*}}$", r"\1{provider: manual}", text)
        # As the preflight wants it: names of folders stay, in filters too.
        text = text.replace("dovecot: {}", 'dovecot: {folder_separator: "."}')
        path.write_text(text, encoding="utf-8")
        self.world.up(places_of([self.stack_file]), shared=self.spec)
        records = [_remembered(line, self.ttl) for line in self.world.zones()[self.domain]]
        self._zone.write_text("\n".join(records) + "\n", encoding="utf-8")
        self.restore_records()
        self.run("mailtenant", "dns", "adopt", self.label, "--domain", self.domain, "--from-file", str(self._zone))

    @property
    def _zone(self) -> Path:
        return self.folder / f"{self.domain}.zone"

    @property
    def records(self) -> list[str]:
        """The customer's zone as it was before the move, as lines of a zone file."""
        return self._zone.read_text(encoding="utf-8").splitlines()

    def restore_records(self) -> None:
        """The customer's zone as it was before the move."""
        self.world.publish_zone(self.domain, self.records)

    def enter_records(self, phase: Phase) -> None:
        """What the customer does with the sheet: the zone as the phase wants it, what is foreign left alone."""
        file = self.stack_file
        planned = planned_records(file.settings, file.existing, phase)
        lines = record_lines(record for record in planned if record.zone == self.domain)
        for record in foreign_records(file.settings, file.existing, self.domain):
            value = f'"{record.value}"' if record.type == "TXT" and len(record.value) < 250 else record.value
            if record.type == "TXT" and len(record.value) >= 250:
                value = " ".join(f'"{record.value[at : at + 250]}"' for at in range(0, len(record.value), 250))
            lines.append(f"{record.name}. {record.ttl} IN {record.type} {value}")
        self.world.publish_zone(self.domain, lines)

    def run(self, *command: str) -> str:
        """A command of the scene, its output. Raises: RuntimeError with what it said"""
        done = subprocess.run(
            command, cwd=self.project, env=self.tools(), capture_output=True, text=True, check=False, timeout=900
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[:3])}: {done.stderr or done.stdout}")
        return done.stdout

    def remove(self) -> None:
        """Everything on the engine, whatever state it is in; the folder stays."""
        client = engine_client()
        remove(client, leftovers(client, self.label))
        self.world.down()


def _remembered(line: str, ttl: int) -> str:
    """A line of `World.zones()`, `NAME TYPE DATA`, with its TTL."""
    name, rest = line.split(" ", 1)
    return f"{name} {ttl} {rest}"
