"""The test world: a simulated internet and two tenants, `alpha` and `beta`, brought up once by real `pulumi up`.

Names, networks and loopback addresses differ from the demo's, so that both can run side by side. Everything is removed
at the end, after a failure too; leftovers of a run that was killed are removed at the start.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mailtenant.environment import tool_environment
from mailtenant.fleet.leftovers import engine_client, leftovers, remove
from mailtenant.settings import load_stack_file
from tests.world.tenants import RunningTenant, run
from world import World, places_of
from world.outside import OutsideMx

ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "passphrase of the tests, not a secret"
ROOMY = "{mailbox: {hour: 100000, day: 100000}, domain: {day: 100000}, tenant: {day: 100000}}"
NETWORK, SUBNET = "mailtenant-test", "10.97.0.0/16"
TENANTS = {
    "alpha": (["alpha.test", "alpha-two.test"], "10.97.1.10", "10.96.0.0/28", "127.0.2.1"),
    "beta": (["beta.test"], "10.97.1.11", "10.96.0.16/28", "127.0.2.2"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the engine; the marker lets people leave it out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("world")


def copy_project(folder: Path) -> Path:
    """A Pulumi project with this tree's program and no stack file."""
    (folder / "stacks").mkdir(parents=True)
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    shutil.copy(ROOT / "stacks" / "__main__.py", folder / "stacks")
    return folder


def remove_tenant(label: str) -> None:
    """Removes what the engine holds of a test tenant, whatever state it is in."""
    client = engine_client()
    remove(client, leftovers(client, label))


def new_tenant(
    project: Path,
    environment: dict[str, str],
    label: str,
    *options: str,
    place: tuple[list[str], str, str, str] | None = None,
    network: str = NETWORK,
    dns: str = "10.97.0.53",
) -> RunningTenant:
    """`mailtenant new` with the test world's addresses, or with those of another world."""
    domains, address, subnet, publish = place or TENANTS[label]
    command = [
        "mailtenant",
        "new",
        label,
        "--project",
        str(project),
        "--platform-domain",
        "outboxment.test",
        "--provider",
        "local",
    ]
    command += [part for domain in domains for part in ("--domain", domain)]
    command += [
        "--organisation",
        f"{label.title()} Ltd",
        "--contact-name",
        "Jo Doe",
        "--contact-email",
        "jo@example.com",
    ]
    command += ["--edge-network", network, "--edge-address", address, "--edge-dns", dns]
    command += ["--publish", publish, "--internal-subnet", subnet, *options]
    run(command, environment, project)
    tenant = RunningTenant(label, project, environment)
    # The tests send thousands of messages; what limits do is tested by itself.
    tenant.set_line("limits", ROOMY)
    return tenant


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    backend = tmp_path_factory.mktemp("backend")
    settings = {"PULUMI_BACKEND_URL": f"file://{backend}", "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
    return {**tool_environment(), **settings}


@pytest.fixture(scope="session")
def tenants(project: Path, environment: dict[str, str]) -> Iterator[dict[str, RunningTenant]]:
    """Both tenants up, the world's DNS pointing at them."""
    world = World(name=NETWORK, subnet=SUBNET)
    for label in TENANTS:
        remove_tenant(label)
    try:
        made = {label: new_tenant(project, environment, label) for label in TENANTS}
        world.up(places_of([load_stack_file(tenant.stack_file) for tenant in made.values()]))
        with ThreadPoolExecutor() as pool:
            list(pool.map(RunningTenant.up, made.values()))
        yield made
    finally:
        for label in TENANTS:
            remove_tenant(label)
        world.down()


@pytest.fixture(scope="session")
def alpha(tenants: dict[str, RunningTenant]) -> RunningTenant:
    return tenants["alpha"]


@pytest.fixture(scope="session")
def beta(tenants: dict[str, RunningTenant]) -> RunningTenant:
    return tenants["beta"]


@pytest.fixture
def outside(tenants: dict[str, RunningTenant]) -> OutsideMx:
    """The receiving MX of elsewhere.test, which judges what it gets with libraries of its own.

    Asked for anew by each test: its port on this machine changes when the engine restarts.
    """
    return World(name=NETWORK, subnet=SUBNET).outside()
