"""`make demo-migration`: one customer moves from the shared host to its own stack, with mail flowing all the time.

Prints each event as it happens, then the ledger: every message that any server took is in exactly one mailbox. Time is
set on where the move only waits (notice period, TTLs, hold); the freeze is real and measured.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from mailtenant.migration import State
from world.engine import WorldError
from world.moving.office import Office
from world.moving.scene import MAX, Scene
from world.moving.traffic import Traffic

console = Console(highlight=False)


def main() -> int:
    """Exit codes: 0 moved and nothing lost, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m world.moving", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the servers up afterwards")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailtenant-moving-", ignore_cleanup_errors=True) as name:
        scene = Scene(Path(name))
        scene.remove()
        try:
            return _move(scene)
        except (RuntimeError, WorldError, TimeoutError) as error:
            print(f"demo-migration: {error}", file=sys.stderr)
            return 1
        finally:
            if not arguments.keep:
                scene.remove()


def _move(scene: Scene) -> int:
    begun = time.monotonic()

    def tell(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - begun:6.1f} s[/]  {line}")

    tell(f"the simulated internet, the shared host with {scene.domain} and {scene.neighbour}")
    scene.build()
    office = Office(scene, tell=tell)
    try:
        traffic = traffic_of(office)
        traffic.start()
        tell("mail flows: from outside, from within, filed by programs, from another customer of the shared host")
        office.start_worker()
        office.schedule()
        office.until(lambda migration: migration.state in (State.COMPLETED, State.FAILED))
        traffic.stop()
        failure = office.migration.failure
        if failure is not None:
            console.print(f"failed during {failure.during}: {failure.why}; {failure.fix}")
            return 1
        return _judge(office, traffic)
    finally:
        office.close()


def traffic_of(office: Office, name: str = "m", pause: float = 0.5) -> Traffic:
    scene = office.scene
    passwords = {address: word for address, word in scene.passwords.items() if address.endswith(f"@{scene.domain}")}
    neighbour = (office.shared(), f"{MAX.local_part}@{scene.neighbour}", MAX.password)
    return Traffic(scene.world.outside(), office.serving, passwords, neighbour, name, pause)


def found(office: Office) -> dict[str, list[str]]:
    """Mailbox → subject lines on the side that serves."""
    server, scene = office.serving(), office.scene
    return {
        address: server.subjects(address, password)
        for address, password in scene.passwords.items()
        if address.endswith(f"@{scene.domain}")
    }


def _judge(office: Office, traffic: Traffic) -> int:
    deadline = time.monotonic() + 300
    # What waits in a queue is tried again; the last mails are minutes away at most.
    while (problems := traffic.ledger.problems(found(office))) and time.monotonic() < deadline:
        time.sleep(2)  # between two looks of a poll with a deadline
    ledger = traffic.ledger
    console.rule("ledger")
    console.print(f"{len(ledger.accepted)} messages were answered 250: {dict(ledger.by_kind)}")
    console.print(f"{ledger.deferred} tries were deferred, {len(ledger.refused)} refused, {len(ledger.unsure)} unsure")
    problems += [f"userinfo said: {answer}" for answer in office.userinfo_problems()]
    for line in problems:
        console.print(f"[red]{line}[/]")
    console.print(f"userinfo was read {office.api.seen.total()} times: {dict(office.api.seen)}")
    if not problems:
        console.print(f"every one is in exactly one mailbox, once; passwords as before, host {office.serving().host}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
