"""images/imap/room: which quota each mailbox needs to have room, looked at again as soon as it changed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[3] / "images" / "imap" / "room"
MIB = 1024 * 1024
# In place of doveadm: usage stands in a file beside the list index; a mailbox without one is not there any more.
DOVEADM = """#!/bin/sh
here=$(dirname "$0")
[ ! -e "$here/broken" ] || { echo "doveadm: Fatal: no master" >&2; exit 75; }
echo x >>"$here/calls"
printf 'Username\\tQuota name\\tType\\tValue\\tLimit\\t%%\\n'
while read -r user; do
    kib=$(cat "$here/../mail/${user#*@}/${user%@*}/used" 2>/dev/null) || continue
    printf '%s\\tUser quota\\tSTORAGE\\t%s\\t1000\\t0\\n%s\\tUser quota\\tMESSAGE\\t7\\t-\\t0\\n' "$user" "$kib" "$user"
done <"$6"
"""


class Container:
    """The script under a plain sh, over a folder of mail. Warnings begin at 50 %, messages end at 8 MiB."""

    def __init__(self, folder: Path) -> None:
        self.mail, self.usage, self.programs = folder / "mail", folder / "usage", folder / "bin"
        self.folder, owners = folder, folder / "owners"
        for made in (self.mail, self.usage, self.programs, owners):
            made.mkdir()
        self.lock = (owners / "lookups.lock").open("w")
        self.database(lives=True)
        (self.programs / "doveadm").write_text(DOVEADM)
        (self.programs / "doveadm").chmod(0o755)
        config = folder / "room.conf"
        config.write_text(f"50 {8 * MIB}\n")
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "MAILTENANT_USAGE": str(self.usage),
            "MAILTENANT_OWNERS": str(owners),
            "MAILTENANT_MAIL": str(self.mail),
            "MAILTENANT_ROOM": str(folder / "own"),
            "MAILTENANT_ROOM_CONFIG": str(config),
            "MAILTENANT_ROOM_SECONDS": "0.1",
        }
        self._start = lambda: subprocess.Popen(["sh", ROOM], env=environment, stderr=subprocess.DEVNULL)
        self.process: subprocess.Popen[bytes] | None = None

    def database(self, *, lives: bool) -> None:
        fcntl.flock(self.lock, fcntl.LOCK_EX if lives else fcntl.LOCK_UN)

    def start(self) -> None:
        self.process = self._start()

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def fills(self, address: str, mib: float) -> None:
        name, domain = address.split("@")
        home = self.mail / domain / name
        (home / "Maildir").mkdir(parents=True, exist_ok=True)
        (home / "used").write_text(str(int(mib * 1024)))
        (home / "Maildir" / "dovecot.list.index.log").write_text("changed")

    def told(self) -> dict[str, float]:
        """MiB that each mailbox needs."""
        try:
            lines = (self.usage / "mailboxes").read_text().splitlines()
        except FileNotFoundError:
            return {}
        return {address: int(octets) / MIB for address, octets in (line.split("\t") for line in lines)}

    def looked(self) -> float:
        try:
            return (self.usage / "alive").stat().st_mtime
        except FileNotFoundError:
            return 0.0


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    made = Container(tmp_path)
    yield made
    made.stop()
    made.lock.close()


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.02)


def test_what_a_mailbox_needs_is_twice_the_largest_message_below_the_first_warning(container: Container) -> None:
    container.fills("jo@acme.test", 0)
    container.fills("ann@acme-two.test", 100)
    container.start()
    # (0 + 16) * 2 = 32, and up to the next step of 16; (100 + 16) * 2 = 232.
    until(lambda: container.told() == {"jo@acme.test": 48, "ann@acme-two.test": 240})


def test_growth_and_shrinking_are_seen_and_the_others_are_kept(container: Container) -> None:
    container.fills("jo@acme.test", 0)
    container.fills("ann@acme.test", 1)
    container.start()
    until(lambda: container.told() == {"jo@acme.test": 48, "ann@acme.test": 48})
    for mib, needed in ((300, 640), (2, 48)):
        container.fills("jo@acme.test", mib)
        until(lambda needed=needed: container.told() == {"jo@acme.test": needed, "ann@acme.test": 48})


def test_a_mailbox_that_dovecot_does_not_know_any_more_is_not_told(container: Container) -> None:
    container.fills("jo@acme.test", 0)
    container.fills("ann@acme.test", 0)
    container.start()
    until(lambda: len(container.told()) == 2)
    home = container.mail / "acme.test" / "jo"
    (home / "used").unlink()
    (home / "Maildir" / "dovecot.list.index.log").write_text("emptied")
    until(lambda: list(container.told()) == ["ann@acme.test"])


def test_no_mailbox_is_nothing_told_but_a_look(container: Container) -> None:
    container.start()
    until(lambda: container.looked() > 0)
    assert container.told() == {}


def test_what_did_not_change_is_not_asked_about_again(container: Container) -> None:
    container.fills("jo@acme.test", 0)
    index = container.mail / "acme.test" / "jo" / "Maildir" / "dovecot.list.index.log"
    os.utime(index, (time.time() - 100, time.time() - 100))
    container.start()
    until(lambda: bool(container.told()))
    first = container.looked()
    until(lambda: container.looked() > first + 0.3)
    assert (container.programs / "calls").read_text() == "x\n"


def test_what_cannot_be_read_is_not_told_and_all_is_asked_again_afterwards(container: Container) -> None:
    container.fills("jo@acme.test", 0)
    container.start()
    until(lambda: bool(container.told()))
    (container.programs / "broken").touch()
    container.fills("jo@acme.test", 500)
    until(lambda: not container.told() and not container.looked())
    (container.programs / "broken").unlink()
    until(lambda: container.told() == {"jo@acme.test": 1040})
    until(lambda: container.looked() > 0)


def test_a_new_start_tells_nothing_old(container: Container) -> None:
    container.fills("jo@acme.test", 0)
    (container.usage / "mailboxes").write_text("gone@acme.test\t1\n")
    (container.usage / "alive").touch()
    (container.programs / "broken").touch()
    container.start()
    until(lambda: not container.told() and not container.looked())


def test_while_the_database_is_away_dovecot_is_asked_nothing(container: Container) -> None:
    container.fills("jo@acme.test", 0)
    container.start()
    until(lambda: bool(container.told()))
    container.database(lives=False)
    container.fills("jo@acme.test", 500)
    until(lambda: not container.told() and not container.looked())
    asked = (container.programs / "calls").read_text()
    container.fills("jo@acme.test", 600)
    looks = (container.folder / "own" / "asked").stat().st_mtime
    until(lambda: (container.folder / "own" / "asked").stat().st_mtime > looks)
    assert (container.programs / "calls").read_text() == asked
    container.database(lives=True)
    until(lambda: container.told() == {"jo@acme.test": 1248})
