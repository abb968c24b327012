"""Sessions over pipes: they end with their block, whether or not they listen."""

import pathlib
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from mailtenant.mailbox_copy import session
from mailtenant.mailbox_copy.session import both_sessions, imap_session
from mailtenant.mailbox_copy.sieve import Filters
from mailtenant.migration.sides import SideError


@dataclass
class Pretended:
    """Plays `doveadm exec` by a shell script."""

    script: str
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    name: str = "here"

    def start(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        assert list(command[-5:]) == ["doveadm", "exec", "imap", "-u", "jo@acme.test"]
        words = ["sh", "-c", self.script]
        self.started.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return self.started[-1]


def ended(runner: Pretended) -> int:
    """The exit code, once whoever waits for the process is done too."""
    for thread in threading.enumerate():
        if thread.name == "end of a session":
            thread.join(30)
    [process] = runner.started
    assert process.returncode is not None and process.stdout is not None and process.stdout.closed
    return process.returncode


def test_the_end_of_its_input_ends_a_session() -> None:
    runner = Pretended("echo '* PREAUTH'; read line; echo a1 OK; cat >/dev/null")
    with imap_session(runner, "jo@acme.test") as imap:  # type: ignore[arg-type]
        imap.stay()
    assert ended(runner) == 0


def test_a_session_that_does_not_listen_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_END_SECONDS", 0.01)
    runner = Pretended("exec sleep 600")
    with imap_session(runner, "jo@acme.test"):  # type: ignore[arg-type]
        pass
    assert ended(runner) == -9


PLAYED = r"""#!/bin/sh
# One server after the other on the same pipe: what the first has not read is the second's.
[ "$4" = jo@acme.test ] || exit 64
if [ "$2" = imap ]; then
    echo '* PREAUTH'
    while read -r tag word; do echo "$tag OK"; done
    exit
fi
while read -r line; do
    case $line in
    NOOP*) printf 'OK (TAG "begin")\r\n' ;;
    LISTSCRIPTS*) printf '"main" ACTIVE\r\nOK\r\n' ;;
    GETSCRIPT*) read -r name; printf '"keep;"\r\nOK\r\n' ;;
    LOGOUT*) printf 'OK\r\n'; exit CODE ;;
    esac
done
"""


@dataclass
class OnPath(Pretended):
    """`script`: the `doveadm` that is found first; the command itself is run as it is."""

    folder: str = ""

    def start(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        environment = {"PATH": f"{self.folder}:/usr/bin:/bin"}
        self.started.append(
            subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        )
        return self.started[-1]


def doveadm(folder: pathlib.Path, script: str) -> OnPath:
    (folder / "doveadm").write_text(script)
    (folder / "doveadm").chmod(0o755)
    return OnPath(script, folder=str(folder))


def test_one_command_reads_the_filters_and_then_the_mail(tmp_path: pathlib.Path) -> None:
    runner = doveadm(tmp_path, PLAYED.replace("CODE", "0"))
    with both_sessions(runner, "jo@acme.test") as (scripts, mail):  # type: ignore[arg-type]
        assert scripts.read() == Filters({"main": b"keep;"}, "main")
        scripts.logout()
        mail.stay()
        mail.stay()
    assert ended(runner) == 0


def test_filters_that_cannot_be_read_keep_nobody_waiting_for_the_mail(tmp_path: pathlib.Path) -> None:
    for script, what in ((PLAYED.replace("CODE", "75"), "IMAP session"), ("#!/bin/sh\nexit 75\n", "ManageSieve")):
        runner = doveadm(tmp_path, script)
        with pytest.raises(SideError, match=what), both_sessions(runner, "jo@acme.test") as (scripts, mail):  # type: ignore[arg-type]
            scripts.read()
            scripts.logout()
            mail.stay()
