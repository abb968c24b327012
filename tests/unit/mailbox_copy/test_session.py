"""Sessions over pipes: they end with their block, whether or not they listen."""

import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from mailtenant.mailbox_copy import session
from mailtenant.mailbox_copy.session import imap_session


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
