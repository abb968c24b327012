"""What a copy that is put on the disk at its end leaves behind, and what becomes of it when the machine has stopped."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailtenant.mailbox_copy.flush import MARKS, keeping

JO = "jo@acme.test"
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text()


@dataclass
class Volume:
    root: Path

    @property
    def mark(self) -> Path:
        return self.root / ".copying" / f"{JO}:1"

    @property
    def mail(self) -> Path:
        return self.root / "acme.test" / "jo" / "Maildir"

    def run(self, script: str, *, at_once: bool = True) -> subprocess.CompletedProcess[str]:
        """A copy that is this script; `sync` fails where the file `broken` is in the volume."""
        tools = self.root / "bin"
        tools.mkdir(exist_ok=True)
        (tools / "sync").write_text(f'#!/bin/sh\n[ "$1" != -f ] || [ ! -e "{self.root}/broken" ]\n')
        (tools / "sync").chmod(0o755)
        words = [word.replace("/var/vmail", str(self.root)) for word in keeping(JO, at_once=at_once)]
        environment = {"PATH": f"{tools}:{os.environ['PATH']}"}
        return subprocess.run(
            [*words, "sh", "-c", script], input="secret", env=environment, text=True, capture_output=True, check=False
        )

    def left_by(self, boot: str) -> None:
        self.mail.mkdir(parents=True, exist_ok=True)
        self.mark.parent.mkdir(exist_ok=True)
        (self.mail / "half a message").touch()
        self.mark.write_text(boot)


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return Volume(tmp_path)


@pytest.mark.parametrize("code", [0, 2, 75])
def test_while_it_runs_it_is_marked_and_its_words_and_code_are_its_own(volume: Volume, code: int) -> None:
    done = volume.run(f"cat; cat '{volume.mark.parent / JO}:'*; echo why >&2; exit {code}")
    assert (done.returncode, done.stdout, done.stderr) == (code, f"secret{BOOT}", "why\n")
    assert list(volume.mark.parent.iterdir()) == []


@pytest.mark.parametrize("at_once", [True, False])
def test_what_a_killed_one_left_is_gone_on_with_and_put_on_the_disk(volume: Volume, at_once: bool) -> None:
    volume.left_by(BOOT)
    gone = volume.mark.rename(volume.mark.with_name(f"{JO}:{2**22 + 1}"))  # above pid_max: nobody is that
    (volume.root / "broken").touch()
    assert volume.run("true", at_once=at_once).returncode == 74, "it is synced"
    (volume.root / "broken").unlink()
    volume.left_by(BOOT)
    for lost in volume.mark.parent.iterdir():
        lost.write_text(BOOT)
    done = volume.run("true", at_once=at_once)
    assert not done.returncode and (volume.mail / "half a message").exists()
    # The process 1 is alive, so what has its mark may still be written to.
    assert not gone.exists() and volume.mark.exists()


def test_a_later_pass_with_nothing_left_is_its_command_alone(volume: Volume) -> None:
    (volume.root / "broken").touch()
    assert not volume.run("true", at_once=False).returncode and not volume.mark.parent.exists()


def test_a_mark_of_an_address_that_begins_alike_is_another_ones(volume: Volume) -> None:
    volume.left_by("another-run-of-the-machine\n")
    volume.mark.rename(volume.mark.with_name(f"{JO}.uk:1"))
    assert not volume.run("true").returncode and (volume.mail / "half a message").exists()


@pytest.mark.parametrize("left", ["another-run-of-the-machine\n", "lost\n", ""])
@pytest.mark.parametrize("at_once", [True, False])
def test_what_was_left_when_the_machine_stopped_is_copied_anew(volume: Volume, left: str, at_once: bool) -> None:
    volume.left_by(left)
    filters, other = volume.mail.parent / ".dovecot.sieve", volume.root / "acme.test" / "ann" / "Maildir"
    filters.touch()
    other.mkdir(parents=True)
    done = volume.run(f"[ ! -e '{volume.mail}' ]", at_once=at_once)
    assert not done.returncode and "begins anew" in done.stderr
    assert filters.exists() and other.exists() and not volume.mark.exists()


def test_what_the_disk_did_not_take_is_an_error_and_not_believed(volume: Volume) -> None:
    (volume.root / "broken").touch()
    done = volume.run(f"mkdir -p '{volume.mail}'")
    assert done.returncode == 74 and "Error: the disk did not take" in done.stderr
    (volume.root / "broken").unlink()
    assert not volume.run(f"[ ! -e '{volume.mail}' ]").returncode and not volume.mark.exists()


def test_one_that_cannot_be_marked_does_not_begin(volume: Volume) -> None:
    (volume.root / ".copying").touch()
    done = volume.run("echo begun")
    assert done.returncode == 75 and done.stdout == "" and "space" in done.stderr


def test_the_mark_lies_with_the_mail() -> None:
    words = keeping(JO, at_once=True)
    assert words[-3:] == ["/var/vmail/acme.test/jo/Maildir", f"{MARKS}/{JO}", "yes"]
