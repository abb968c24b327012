"""images/smtp/lookups: Postfix's maps in memory hold what the database gives out, as long as its session lives."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

LOOKUPS = Path(__file__).parents[3] / "images" / "smtp" / "lookups"
KINDS = ("domains", "mailboxes", "aliases", "logins", "roomy")
ROWS = (
    "domains\tacme.test\tacme.test\nmailboxes\tjo@acme.test\tjo@acme.test\n"
    "aliases\t@acme.test\tann@acme.test, jo@acme.test\nlogins\tjo@acme.test\tjo@acme.test\nroomy\tjo@acme.test\tOK\n"
)
FILLED = {
    "domains": "acme.test\tacme.test\n",
    "mailboxes": "jo@acme.test\tjo@acme.test\n",
    "aliases": "@acme.test\tann@acme.test, jo@acme.test\n",
    "logins": "jo@acme.test\tjo@acme.test\n",
    "roomy": "jo@acme.test\tOK\n",
}
EMPTY = dict.fromkeys(KINDS, "")
# In place of postmap: the "map" is a copy of its source, unless a file tells it to fail.
POSTMAP = """#!/bin/sh
source=${1#lmdb:}
[ ! -e "$(dirname "$0")/broken" ] || [ ! -s "$source" ] || exit 1
cp "$source" "$source.lmdb"
"""


class Node:
    """The script under a plain sh, between a folder for the database's files and one for the maps."""

    def __init__(self, folder: Path) -> None:
        self.owners, self.maps, self.programs = folder / "owners", folder / "maps", folder / "bin"
        self.owners.mkdir()
        self.programs.mkdir()
        (self.programs / "postmap").write_text(POSTMAP)
        (self.programs / "postmap").chmod(0o755)
        self.lock = (self.owners / "lookups.lock").open("w")
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, word: str) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "MAILTENANT_OWNERS": str(self.owners),
            "MAILTENANT_LOOKUPS": str(self.maps),
        }
        return subprocess.Popen(["sh", LOOKUPS, word], env=environment, stderr=subprocess.PIPE)

    def follow(self) -> None:
        self.process = self.command("follow")

    def session(self, *, lives: bool) -> None:
        """The database's standing session begins, or ends by whatever means."""
        fcntl.flock(self.lock, fcntl.LOCK_EX if lives else fcntl.LOCK_UN)

    def give(self, first: str, rows: str = ROWS) -> None:
        new = self.owners / ".lookups.map.new"
        new.write_text(f"#\t{first}\n{rows}")
        new.rename(self.owners / "lookups.map")

    def answers(self) -> dict[str, str]:
        found = {kind: self.maps / f"{kind}.lmdb" for kind in KINDS}
        return {kind: path.read_text() if path.exists() else "missing" for kind, path in found.items()}

    def state(self) -> str:
        return (self.maps / "state").read_text().strip()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    if made.process:
        made.process.kill()
        made.process.communicate()
    made.lock.close()


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def test_empty_maps_are_there_before_postfix_starts(node: Node) -> None:
    assert node.command("empty").wait() == 0
    assert (node.answers(), node.state()) == (EMPTY, "empty")


def test_they_hold_what_is_given_out_and_change_with_it(node: Node) -> None:
    node.session(lives=True)
    node.give("given\t1")
    node.follow()
    eventually(lambda: node.answers() == FILLED and node.state() == "given")
    node.give("given\t2", "domains\tacme.test\tacme.test\n")
    eventually(lambda: node.answers() == {**EMPTY, "domains": FILLED["domains"]})


def test_a_map_that_no_session_vouches_for_is_not_believed(node: Node) -> None:
    node.give("given\t1")
    node.follow()
    eventually(lambda: node.answers() == EMPTY)
    node.session(lives=True)
    eventually(lambda: node.answers() == FILLED)
    node.session(lives=False)
    eventually(lambda: node.answers() == EMPTY and node.state() == "empty")
    node.session(lives=True)
    eventually(lambda: node.answers() == FILLED)
    # What a new session does first.
    (node.owners / "lookups.map").unlink()
    eventually(lambda: node.answers() == EMPTY)


def test_a_hold_empties_them_and_says_so(node: Node) -> None:
    node.session(lives=True)
    node.give("given\t1")
    node.follow()
    eventually(lambda: node.answers() == FILLED)
    node.give("held\t2", "")
    eventually(lambda: node.state() == "held")
    assert node.answers() == EMPTY


def test_without_the_lock_file_they_stay_empty(node: Node) -> None:
    """A database of an earlier release gives out no lookups."""
    (node.owners / "lookups.lock").unlink()
    node.give("given\t1")
    node.follow()
    eventually(lambda: node.answers() == EMPTY and node.state() == "empty")


def test_maps_that_cannot_be_made_are_emptied(node: Node) -> None:
    node.session(lives=True)
    node.give("given\t1")
    node.follow()
    eventually(lambda: node.answers() == FILLED)
    (node.programs / "broken").touch()
    node.give("given\t2")
    eventually(lambda: node.answers() == EMPTY and node.state() == "empty")
    (node.programs / "broken").unlink()
    eventually(lambda: node.answers() == FILLED)
