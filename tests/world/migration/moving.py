"""A world with the shared host, two customers on it, and a tenant that one of them moves to."""

import re
from pathlib import Path

from mailtenant.environment import tool_environment
from mailtenant.settings import load_stack_file
from tests.world.conftest import PASSPHRASE, ROOMY, copy_project, remove_tenant
from tests.world.tenants import Mailbox, RunningTenant, run
from world import World, places_of
from world.shared_host import SharedCustomer, SharedMailbox, SharedSpec

NETWORK, SUBNET = "mailtenant-move", "10.89.0.0/24"
LABEL, DOMAIN, NEIGHBOUR = "harbor", "harbor.test", "island.test"
EDGE, INTERNAL, PUBLISH, SHARED = "10.89.0.110", "10.89.1.0/28", "127.0.4.1", "127.0.4.200"
JO = SharedMailbox("jo", "pw of jo – ünïcode ✓", "SHA512-CRYPT", 300, "Jo Doe")
ANN = SharedMailbox("ann", "pw of ann", "ARGON2ID", 200, "Ann Roe")
BOB = SharedMailbox("bob", "pw of bob", "PBKDF2", None)
MAX = SharedMailbox("max", "pw of max", "SSHA256")
CUSTOMER = SharedCustomer(DOMAIN, (JO, ANN, BOB), {"sales": (f"jo@{DOMAIN}", f"ann@{DOMAIN}")})
OTHER = SharedCustomer(NEIGHBOUR, (MAX,), {"friends": (f"jo@{DOMAIN}", f"max@{NEIGHBOUR}")})
SPEC = SharedSpec((CUSTOMER, OTHER), SHARED)
ADDRESSES = tuple(CUSTOMER.address(mailbox) for mailbox in CUSTOMER.mailboxes)


def login(mailbox: SharedMailbox, customer: SharedCustomer = CUSTOMER) -> Mailbox:
    """What the person types."""
    return Mailbox(customer.address(mailbox), mailbox.password)


def new_tenant(folder: Path) -> RunningTenant:
    """The customer's stack: its domain's DNS is elsewhere, as with most customers."""
    project = copy_project(folder / "project")
    backend = folder / "backend"
    backend.mkdir()
    settings = {"PULUMI_BACKEND_URL": f"file://{backend}", "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
    environment = {**tool_environment(), **settings}
    command = ["mailtenant", "new", LABEL, "--project", str(project), "--platform-domain", "outboxment.test"]
    command += ["--provider", "local", "--domain", DOMAIN, "--organisation", "Harbor Ltd"]
    command += ["--contact-name", "Jo Doe", "--contact-email", "jo@example.com"]
    command += ["--edge-network", NETWORK, "--edge-address", EDGE, "--edge-dns", f"{SUBNET.rsplit('.', 1)[0]}.53"]
    command += ["--publish", PUBLISH, "--internal-subnet", INTERNAL]
    run(command, environment, project)
    tenant = RunningTenant(LABEL, project, environment)
    text = tenant.stack_file.read_text()
    for pattern, replacement in (
        (r"(?m)^    limits: .*$", f"    limits: {ROOMY}"),
        (rf"(?m)^(      - name: {DOMAIN}\n        dns: ){{.*}}$", r"\1{provider: manual}"),
    ):
        text, replaced = re.subn(pattern, replacement, text)
        assert replaced == 1, pattern
    tenant.stack_file.write_text(text)
    return tenant


def world() -> World:
    return World(name=NETWORK, subnet=SUBNET)


def up(tenant: RunningTenant) -> None:
    """Everything runs; nothing has been moved."""
    world().up(places_of([load_stack_file(tenant.stack_file)]), shared=SPEC)
    tenant.up()


def down() -> None:
    remove_tenant(LABEL)
    world().down()
