"""The way in for a copy: open while its block runs, closed whatever ends that, and nobody else's."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailtenant.migration.sides import SideError
from mailtenant.shared_host import copy_access as module
from mailtenant.shared_host.copy_access import copy_access
from mailtenant.shared_host.paths import HostPaths
from mailtenant.shared_host.script import ACCESS, STATE
from mailtenant.waiting import until
from tests.unit.shared_host.here import Here

ACME, OTHER = ("acme.test", "acme.example"), ("other.test",)
PEOPLE, MAX = ["jo@acme.test", "ann@acme.example"], ["max@other.test"]


@pytest.fixture
def here(tmp_path: Path) -> Here:
    made = Here(tmp_path)
    made.pretend("doveadm", f'[ ! -e "{tmp_path}/broken" ]')
    made.pretend("postfix")
    return made


def way(here: Here, domains: Sequence[str], addresses: Sequence[str]):  # type: ignore[no-untyped-def]
    return copy_access(here, HostPaths(move=str(here.folder / "move")), domains, addresses)


def users(here: Here) -> list[str]:
    """Whom the copy instance knows."""
    return [line.partition(":")[0] for line in (here.folder / "move" / "users").read_text().splitlines()]


def password(here: Here) -> str:
    return (here.folder / "move" / "copy-password.conf").read_text()


def test_it_is_open_for_these_mailboxes_until_the_block_ends(here: Here) -> None:
    with way(here, ACME, PEOPLE) as access:
        assert users(here) == PEOPLE and password(here) == f'doveadm_password = "{access.password}"\n'
        lines = (here.folder / "move" / "users").read_text().splitlines()
        # passwd-file(5) of Dovecot: eight fields, no password.
        assert all(len(line.split(":")) == 8 and not line.split(":")[1] for line in lines)
    assert users(here) == [] and here.calls == ["doveadm -c /etc/dovecot/copy.conf reload"]


def test_copies_of_two_customers_share_the_password_and_close_one_by_one(here: Here) -> None:
    with ExitStack() as both:
        first = both.enter_context(way(here, OTHER, MAX))
        with way(here, ACME, PEOPLE) as second:
            assert first.password == second.password and users(here) == [*MAX, *PEOPLE]
        assert users(here) == MAX
    with way(here, ACME, PEOPLE) as third:
        assert third.password != first.password
    assert len(here.calls) == 2, "reloaded for a new password only"


def test_it_says_whether_all_of_the_customer_is_frozen(here: Here) -> None:
    said = []
    for state, domains in (("frozen", ACME[:1]), ("frozen", ACME), ("relayed", ACME), ("open", ACME[1:])):
        host = "new.test" if state == "relayed" else ""
        assert not here.run(["sh", "-c", STATE, "sh", str(here.folder / "move"), state, host, *domains]).code
        with way(here, ACME, PEOPLE) as access:
            said.append(access.frozen)
    assert said == [False, True, True, False]


def test_whoever_opened_it_and_is_gone_has_closed_it(here: Here) -> None:
    command = ["sh", "-c", ACCESS, "sh", str(here.folder / "move"), "/etc/copy.conf", *ACME, "--", *PEOPLE]
    with here.start(command) as process:
        assert process.stdin and process.stdout
        process.stdin.write(b"secret one\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"open secret\n" and users(here) == PEOPLE
        # As when a worker is killed: its end of the pipe is closed, nothing else is said.
    assert process.returncode == 0 and users(here) == []


def test_a_late_end_of_an_earlier_opening_does_not_close_a_later_one(here: Here) -> None:
    with ExitStack() as later:
        with way(here, ACME, PEOPLE):
            later.enter_context(way(here, ACME, PEOPLE[:1]))
            assert users(here) == PEOPLE[:1], "an opening is the customer's only one"
        assert users(here) == PEOPLE[:1]
    assert users(here) == []


def test_what_fails_there_is_said_and_nothing_is_open(here: Here) -> None:
    (here.folder / "bin" / "doveadm").write_text("#!/bin/sh\necho 'doveadm: Fatal: not running' >&2\nexit 75\n")
    with (
        pytest.raises(SideError, match=r"here: the way in .* not opened: doveadm: Fatal: not running"),
        way(here, ACME, PEOPLE),
    ):
        raise AssertionError("not reached")
    assert users(here) == []


def test_one_that_does_not_answer_is_ended(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.2)
    here.pretend("doveadm", "exec sleep 5 >/dev/null 2>&1")
    with pytest.raises(SideError, match="not opened"), way(here, ACME, PEOPLE):
        raise AssertionError("not reached")
    assert users(here) == []


def test_a_way_in_whose_command_was_killed_is_closed_by_another_one(here: Here) -> None:
    started: list[subprocess.Popen[bytes]] = []
    begin = here.start

    def start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
        started.append(begin(command))
        return started[-1]

    here.start = start  # type: ignore[method-assign]
    with way(here, ACME, PEOPLE):
        os.kill(started[0].pid, signal.SIGKILL)
        assert until(lambda: started[0].poll() is not None, 20)
        assert users(here) == PEOPLE
    assert users(here) == []
