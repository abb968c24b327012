"""The programs that run on the shared host, run here in a scratch folder with pretended daemons."""

import os
import subprocess
from pathlib import Path

import pytest

from mailtenant.shared_host.script import HELD, STATE


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """`postfix` and `doveadm` that note their calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("postfix", "doveadm"):
        script = folder / name
        script.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >>"{tmp_path}/calls"\n[ ! -e "{tmp_path}/broken" ]\n')
        script.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def run(script: str, tools: dict[str, str], *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", script, "sh", *words], env=tools, input=stdin, text=True, capture_output=True)


def state(tmp_path: Path) -> dict[str, str]:
    move = tmp_path / "move"
    found = {
        name: (move / name).read_text() for name in ("transport", "access", "accepted", "aliases", "senders", "users")
    }
    return {**found, "denied": " ".join(sorted(path.name for path in move.glob("denied/imap/*")))}


def test_each_state_replaces_the_one_before_and_other_customers_keep_their_lines(
    tmp_path: Path, tools: dict[str, str]
) -> None:
    move = str(tmp_path / "move")
    assert not run(STATE, tools, move, "frozen", "", "other.test").returncode
    others = state(tmp_path)
    for _ in range(2):
        assert not run(STATE, tools, move, "frozen", "", "acme.test", "acme.example").returncode
    frozen = state(tmp_path)
    assert frozen["transport"].splitlines() == [
        f"{domain} retry:4.3.2 {HELD}" for domain in ("other.test", "acme.test", "acme.example")
    ]
    assert "/@acme[.]test$/ 450 4.3.2" in frozen["senders"]
    assert frozen["access"].count("450 4.3.2") == 3 and frozen["denied"] == "acme.example acme.test other.test"

    assert not run(STATE, tools, move, "relayed", "acme.outboxment.test", "acme.test", "acme.example").returncode
    relayed = state(tmp_path)
    assert "acme.test relay:[acme.outboxment.test]" in relayed["transport"].splitlines()
    assert "acme.test reject_unverified_recipient" in relayed["access"].splitlines()
    assert "@acme.test x" in relayed["accepted"].splitlines()
    assert "/^(.*@acme[.]test)$/ $1" in relayed["aliases"].splitlines()

    assert not run(STATE, tools, move, "open", "", "acme.test", "acme.example").returncode
    assert state(tmp_path) == others


def test_a_domain_that_is_the_end_of_another_ones_name_is_another_domain(tmp_path: Path, tools: dict[str, str]) -> None:
    move = str(tmp_path / "move")
    run(STATE, tools, move, "frozen", "", "big-acme.test")
    run(STATE, tools, move, "frozen", "", "acme.test")
    run(STATE, tools, move, "open", "", "acme.test")
    assert state(tmp_path)["transport"].split()[0] == "big-acme.test"


def test_a_reload_that_fails_is_an_error_and_comes_again_with_the_next_call(
    tmp_path: Path, tools: dict[str, str]
) -> None:
    move = str(tmp_path / "move")
    (tmp_path / "broken").touch()
    done = run(STATE, tools, move, "frozen", "", "acme.test")
    assert done.returncode == 75 and "is Postfix running?" in done.stderr
    (tmp_path / "broken").unlink()
    (tmp_path / "calls").unlink()
    assert not run(STATE, tools, move, "frozen", "", "acme.test").returncode
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == ["postfix reload", "doveadm auth cache flush", "doveadm kick *@acme.test"]
