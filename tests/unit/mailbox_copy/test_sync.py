"""When a dsync is run again, and what is said when it does not end well."""

import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailtenant.mailbox_copy.sync import CONFIG, FOLDER, STALLED, Transport, sync
from mailtenant.migration.sides import Direction
from mailtenant.runner import Done

TRANSPORT = Transport("tcps:a:1", "the CA's certificate\n", "doveadm_password = secret\n")
STALL = (
    "dsync(mail.example): Error: I/O has stalled, no activity for 45 seconds (last sent=mail, last recv=mail_change)\n"
)


@dataclass
class Played:
    """Gives each answer once, the last one for ever."""

    answers: list[Done]
    asked: list[list[str]] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    name: str = "imap"

    def run(self, command: Sequence[str], *, stdin: bytes = b"", seconds: float = 0) -> Done:
        self.asked.append(list(command))
        self.heard.append(stdin)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def passed(*answers: Done) -> tuple[str | None, list[list[str]]]:
    runner = Played(list(answers))
    failure = sync(runner, TRANSPORT, Direction.TO_TENANT, "jo@acme.test", 3600)  # type: ignore[arg-type]
    return failure, runner.asked


@pytest.mark.parametrize("first", [Done(2, b"", ""), Done(75, b"", STALL)], ids=["not all done", "stalled"])
def test_it_is_run_again(first: Done) -> None:
    failure, asked = passed(first, Done(0, b"", ""))
    assert failure is None
    assert len(asked) == 2
    assert asked[0] == asked[1]


def test_the_wait_for_the_other_side_is_shorter_than_a_freeze() -> None:
    _, asked = passed(Done(0, b"", ""))
    assert asked[0][asked[0].index("-T") + 1] == str(STALLED)
    assert STALLED < 60


def test_what_stalls_each_time_is_an_error_in_doveadms_words() -> None:
    failure, asked = passed(Done(75, b"", STALL))
    assert len(asked) == 3
    assert failure is not None
    assert "has stalled" in failure


def test_any_other_failure_is_not_repeated() -> None:
    failure, asked = passed(Done(68, b"", "doveadm(jo@acme.test): Error: no such user\n"), Done(0, b"", ""))
    assert len(asked) == 1
    assert failure is not None
    assert "no such user" in failure


def test_the_configuration_goes_with_the_command_and_no_secret_is_an_argument(tmp_path: Path) -> None:
    runner = Played([Done(0, b"", "")])
    TRANSPORT.run(runner, ["cat", CONFIG], 60)  # type: ignore[arg-type]
    [words], [heard] = runner.asked, runner.heard
    assert "secret" not in " ".join(words) and words[-2:] == ["cat", CONFIG]
    # The same as the container's shell does it, in another folder.
    there = str(tmp_path / "copy")
    words = [there if word == FOLDER else word.replace(FOLDER, there) for word in words]
    for _ in range(2):
        done = subprocess.run(words, input=heard, capture_output=True, check=True)
        assert done.stdout.decode() == TRANSPORT.config
    assert {file.name: file.read_text() for file in Path(there).iterdir()} == {
        "ca.pem": TRANSPORT.ca, "dovecot.conf": TRANSPORT.config,
    }  # fmt: skip
    assert stat.S_IMODE(Path(there, "dovecot.conf").stat().st_mode) == 0o600
