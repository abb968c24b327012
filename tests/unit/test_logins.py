"""Which logins are judged: from the exit codes of a pretended `doveadm`."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailtenant.logins import admitted
from mailtenant.migration.sides import SideError
from mailtenant.runner import Done


@dataclass
class Here:
    """A runner in this very machine whose `doveadm` is a script."""

    folder: Path
    name: str = "here"

    def argv(self, command: Sequence[str]) -> list[str]:
        return list(command)

    def run(self, command: Sequence[str], *, stdin: bytes = b"", seconds: float = 60) -> Done:
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}"}
        done = subprocess.run(list(command), input=stdin, env=environment, capture_output=True, timeout=seconds)
        return Done(done.returncode, done.stdout, done.stderr.decode())

    def start(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        raise AssertionError("nothing is left running")


def here(tmp_path: Path, script: str) -> Here:
    doveadm = tmp_path / "doveadm"
    doveadm.write_text(f"#!/bin/sh\n{script}\n")
    doveadm.chmod(0o755)
    return Here(tmp_path)


def test_only_not_now_is_a_denial(tmp_path: Path) -> None:
    runner = here(
        tmp_path,
        f"""echo "$*" >>{tmp_path}/calls
case "$4 $5" in *=imap*@judged.test) exit 77;; *=sieve*@in.test) exit 0;; *=pop3*@broken.test) exit 127;; esac
exit 75""",
    )
    domains = ["denied.test", "judged.test", "in.test", "broken.test", *(f"d{n}.test" for n in range(20))]
    assert admitted(runner, ("imap", "pop3", "sieve"), domains) == [
        "imap @judged.test", "sieve @in.test", "pop3 @broken.test",
    ]  # fmt: skip
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 3 * len(domains)
    passwords = {line.split()[-1] for line in calls}
    assert len(passwords) == 1 and len(passwords.pop()) >= 24


def test_a_question_without_an_answer_is_no_denial(tmp_path: Path) -> None:
    runner = here(tmp_path, "kill -9 $PPID")
    with pytest.raises(SideError, match=r"no answer to a login as imap postmaster@acme\.test"):
        admitted(runner, ("imap",), ["acme.test"])
