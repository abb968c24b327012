"""A fleet of small real tenants in a world of their own, brought up by a rollout.

MAILTENANT_FLEET_SIZE says how many: 3 here, 12 with `make test-fleet`.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailtenant import __version__
from mailtenant.environment import tool_environment
from mailtenant.fleet.leftovers import engine_client
from mailtenant.settings import load_stack_file
from tests.world.conftest import PASSPHRASE, copy_project, remove_tenant
from tests.world.tenants import RunningTenant, run
from world import World, places_of

SIZE = int(os.environ.get("MAILTENANT_FLEET_SIZE", "3"))
NETWORK, SUBNET = "mailtenant-fleet", "10.92.0.0/16"
LABELS = [f"fleet{i:02}" for i in range(1, SIZE + 1)]
NEXT = "2099.01"
"""A release of which two images differ from this one's by a label, and the others not at all."""
CHANGED = ("smtp", "imap")


@dataclass
class Fleet:
    project: Path
    environment: dict[str, str]
    tenants: dict[str, RunningTenant]

    def command(self, *words: str) -> list[str]:
        return ["mailtenant", "fleet", *words, "--project", str(self.project)]

    def release_of(self, label: str) -> str:
        """What the tenant's SMTP container really runs."""
        form = '{{index .Config.Labels "mailtenant.release"}}'
        found = self.tenants[label].docker("inspect", "-f", form, f"mt-{label}-smtp").stdout.strip()
        return NEXT if found == NEXT else __version__


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    project = copy_project(tmp_path_factory.mktemp("fleet") / "project")
    backend = tmp_path_factory.mktemp("backend")
    settings = {"PULUMI_BACKEND_URL": f"file://{backend}", "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
    environment = {**tool_environment(), **settings}
    environment.pop("MAILTENANT_DATABASE_URL", None)
    world = World(name=NETWORK, subnet=SUBNET)
    for label in LABELS:
        remove_tenant(label)
    try:
        tenants = {label: _new(project, environment, i, label) for i, label in enumerate(LABELS, start=1)}
        world.up(places_of([load_stack_file(tenant.stack_file) for tenant in tenants.values()]))
        _tag_next_release()
        yield Fleet(project, environment, tenants)
    finally:
        for label in LABELS:
            remove_tenant(label)
        world.down()
        _drop_next_release()


def _new(project: Path, environment: dict[str, str], number: int, label: str) -> RunningTenant:
    place = ["--edge-network", NETWORK, "--edge-address", f"10.92.1.{10 + number}", "--edge-dns", "10.92.0.53"]
    place += ["--publish", f"127.0.5.{number}", "--internal-subnet", f"10.91.0.{16 * (number - 1)}/28"]
    run(
        ["mailtenant", "new", label, "--project", str(project), "--domain", f"{label}.test", "--platform-domain",
         "outboxment.test", "--provider", "local", "--contact-email", "jo@example.com", *place],
        environment, project,
    )  # fmt: skip
    tenant = RunningTenant(label, project, environment)
    # Many tenants on a small machine: health checks every few seconds would be all of its work. (Twelve tenants asked
    # every 10 s are eleven new processes in containers a second: two cores were busy with nothing else.)
    tenant.edit(r"interval_seconds: \d+", "interval_seconds: 30")
    return tenant


def _tag_next_release() -> None:
    client = engine_client()
    for image in client.images.list(filters={"reference": f"mailtenant/*:{__version__}"}):
        for tag in image.tags:
            name, _, release = tag.partition(":")
            if release != __version__:
                continue
            if name.rsplit("/", 1)[-1] not in CHANGED:
                image.tag(name, NEXT)
                continue
            container = client.api.create_container(image.id)["Id"]
            try:
                client.api.commit(container, name, NEXT, changes=[f"LABEL mailtenant.release={NEXT}"])
            finally:
                client.api.remove_container(container)


def _drop_next_release() -> None:
    client = engine_client()
    for image in client.images.list(filters={"reference": f"mailtenant/*:{NEXT}"}):
        for tag in image.tags:
            if tag.endswith(f":{NEXT}"):
                client.images.remove(tag)
