"""When a dsync is run again, and what is said when it does not end well."""

import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailtenant.mailbox_copy.sync import FOLDER, STALLED, STILL, Transport, imapc, sync, watched
from mailtenant.migration.sides import Direction, SideError
from mailtenant.runner import Done, Stdin

TRANSPORT = Transport("tcps:a:1", lambda: "doveadm_password = s3cret\n", "the CA's certificate\n")
STALL = (
    "dsync(mail.example): Error: I/O has stalled, no activity for 45 seconds (last sent=mail, last recv=mail_change)\n"
)


@dataclass
class Played:
    """Gives each answer once, the last one for ever."""

    answers: list[Done]
    asked: list[list[str]] = field(default_factory=list)
    given: list[bytes] = field(default_factory=list)
    name: str = "imap"

    def run(self, command: Sequence[str], *, stdin: Stdin = b"", seconds: float = 0) -> Done:
        self.asked.append(list(command))
        self.given.append(stdin() if callable(stdin) else stdin)
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
    patience = [str(STALLED[0] + STILL), str(STALLED[0])]
    assert [word for word in asked[0] if word not in asked[1]] == patience, "the same, with more patience"


def test_the_wait_for_the_other_side_is_shorter_than_a_freeze() -> None:
    _, asked = passed(Done(75, b"", STALL))
    limits = [int(words[words.index("-T") + 1]) for words in asked]
    assert limits == list(STALLED) == sorted(limits) and limits[-1] < 60


def under_watch(seconds: int, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*watched(seconds), "sh", "-c", script],
        input="a secret",
        text=True,
        capture_output=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(("before", "by"), [("", signal.SIGTERM), ("trap '' TERM; ", signal.SIGKILL)])
def test_what_uses_no_cpu_time_is_ended_and_run_again(before: str, by: signal.Signals) -> None:
    done = under_watch(2, f"{before}exec sleep 1000")
    assert done.returncode == 128 + by
    failure, asked = passed(Done(done.returncode, b"", done.stderr), Done(0, b"", ""))
    assert failure is None and len(asked) == 2


def test_what_works_is_left_alone_and_keeps_its_input_words_and_code() -> None:
    done = under_watch(
        2, "cat; end=$(($(date +%s) + 5)); while [ $(date +%s) -lt $end ]; do :; done; echo hm >&2; exit 75"
    )
    assert (done.returncode, done.stdout, done.stderr) == (75, "a secret", "hm\n")


def test_the_watch_holds_up_nobody() -> None:
    done = under_watch(1000, "true")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_stalls_each_time_is_an_error_in_doveadms_words() -> None:
    failure, asked = passed(Done(75, b"", STALL))
    assert len(asked) == len(STALLED)
    assert failure is not None
    assert "has stalled" in failure


def test_any_other_failure_is_not_repeated() -> None:
    failure, asked = passed(Done(68, b"", "doveadm(jo@acme.test): Error: no such user\n"), Done(0, b"", ""))
    assert len(asked) == 1
    assert failure is not None
    assert "no such user" in failure


def source(password: str) -> Transport:
    return imapc("old.test", 993, "imaps", "jo*admin", password, ca_file="", prefix="INBOX")


def test_a_foreign_servers_password_goes_by_stdin_each_time() -> None:
    runner, transport = Played([Done(2, b"", ""), Done(0, b"", "")]), source("s3cret")
    assert sync(runner, transport, Direction.TO_TENANT, "jo@acme.test", 60) is None  # type: ignore[arg-type]
    assert [b'imapc_password = "s3cret"' in text for text in runner.given] == [True, True]
    assert "s3cret" not in repr(runner.asked) and "s3cret" not in repr(transport)
    assert all(" -c /dev/stdin sync " in " ".join(command) for command in runner.asked)


def test_the_script_gives_a_file_without_a_name_to_the_command_and_keeps_only_the_ca(tmp_path: Path) -> None:
    runner = Played([Done(0, b"", "")])
    TRANSPORT.run(runner, ["sh", "-c", "cat /dev/stdin; readlink /proc/self/fd/0"], 60)  # type: ignore[arg-type]
    [words], [given] = runner.asked, runner.given
    assert "s3cret" not in " ".join(words)
    # The same as the container's shell does it, in another folder; again, over what is there.
    for _ in range(2):
        done = subprocess.run(
            [str(tmp_path) if word == FOLDER else word for word in words], input=given, capture_output=True, check=True
        )
        text, place = done.stdout.decode().splitlines()
        assert text == TRANSPORT.config().strip() and place.endswith("(deleted)")
        assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"ca.pem": TRANSPORT.ca}


def test_what_a_configuration_file_would_read_otherwise_is_escaped() -> None:
    assert r'imapc_password = "a\"b\\c%%{user}"' in source('a"b\\c%{user}').config()
    with pytest.raises(SideError, match="line break") as refused:
        source("s3cret\nmail_path = /tmp")
    assert "s3cret" not in str(refused.value)
