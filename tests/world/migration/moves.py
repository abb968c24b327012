"""What the tests of whole moves share: surroundings, what a run is at, and the judgement at the end."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mailtenant.control import customers, migrations
from mailtenant.control.tables import MigrationRun
from mailtenant.migration import Migration, State
from mailtenant.workflow import runs
from mailtenant.workflow.decide import Step
from tests.world.tenants import eventually
from world.moving.__main__ import found
from world.moving.office import Office
from world.moving.scene import Scene
from world.moving.traffic import Traffic


def scene(folder: Path, name: str, number: int, label: str, neighbour: str, **more: Any) -> Scene:
    """A scene of its own in 10.`number`.0.0, so that tests of different numbers can run side by side."""
    return Scene(
        folder, network=f"mailtenant-{name}", subnet=f"10.{number}.0.0/24", edge=f"10.{number}.0.110",
        internal=f"10.{number}.1.0/28", publish=f"127.0.6.{number}", shared_publish=f"127.0.6.{number + 100}",
        label=label, domain=f"{label}.test", neighbour=f"{neighbour}.test", **more,
    )  # fmt: skip


@contextmanager
def surroundings(made: Scene, url: str = "", **more: Any) -> Iterator[Office]:
    """World and control plane (`url`: its database, else SQLite; `more`: of `Office`); nothing runs yet of the
    customer's own system."""
    made.remove()
    try:
        made.build()
        office = Office(made, url, **more)
        try:
            yield office
        finally:
            office.close()
    finally:
        made.remove()


def ended(migration: Migration) -> bool:
    return migration.state in (State.COMPLETED, State.ROLLED_BACK, State.FAILED)


def run_of(office: Office) -> MigrationRun | None:
    """Of the present attempt: what an earlier one has done says nothing."""
    with office.plane.database.read() as session:
        tenant = customers.find(session, office.scene.label)
        run, (_, migration) = runs.get(session, tenant), migrations.load(session, tenant)
        return run if run is not None and run.attempt == migration.attempt else None


def done(office: Office, step: Step) -> bool:
    run = run_of(office)
    return run is not None and step.value in run.done


def at(office: Office, step: Step) -> bool:
    """Whether the step is under way, or done already."""
    run = run_of(office)
    return run is not None and (run.step == step.value or step.value in run.done)


def settled(office: Office, traffic: Traffic) -> list[str]:
    """What the ledger has against it, once nothing is on its way any more."""
    deadline = time.monotonic() + 300
    while (problems := traffic.ledger.problems(found(office))) and time.monotonic() < deadline:
        # What waits for another try, because a side was closed when it came, is tried now.
        for name in (f"{office.scene.network}-shared", f"mt-{office.scene.label}-smtp"):
            command = ["docker", "exec", name, "postqueue", "-f"]
            subprocess.run(command, env=office.scene.tools(), capture_output=True, check=False, timeout=60)
        time.sleep(0.5)  # between two looks of a poll with a deadline
    return problems


def diagnosed(office: Office) -> list[dict[str, Any]]:
    """What `mailtenant migrate diagnose` says: rule, ok, evidence, fix."""
    scene = office.scene
    command = ["mailtenant", "migrate", "diagnose", scene.label, "--json"]
    done = subprocess.run(
        command, cwd=scene.project, env=office.environment(), capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode in (0, 1), done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def judged(office: Office, traffic: Traffic, host: str) -> None:
    """Mail flows, at this host; nothing is lost, doubled or refused, seen from outside and from within, and the
    neighbour noticed nothing."""
    assert office.serving().host == host
    taken = len(traffic.ledger.accepted)
    eventually(lambda: len(traffic.ledger.accepted) >= taken + 4, what="mail flows")
    traffic.pause()
    try:
        assert settled(office, traffic) == []
    finally:
        traffic.go_on()
    assert traffic.neighbours.refused == []
    assert office.userinfo_problems() == []
