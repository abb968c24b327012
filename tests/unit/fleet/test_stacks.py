"""The CLI that runs for a tenant: what it printed, and what becomes of it when the process that asked is killed."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailtenant.fleet import stacks
from mailtenant.fleet.stacks import StackError, TenantStack
from mailtenant.workflow.ports import StepError
from mailtenant.workflow.real.stack import PulumiStack

SLOW = """#!/bin/sh
echo begun; touch "$FOLDER/begun"
while [ ! -e "$FOLDER/go" ]; do sleep 0.1; done
i=0; while [ $i -lt 2000 ]; do echo "a line that nobody reads any more, $i"; i=$((i + 1)); done
touch "$FOLDER/ended"
"""
RUN = """
import os, sys
from pathlib import Path
from mailtenant.fleet import stacks
folder = sys.argv[1]
stacks.tool_environment = lambda: {"PATH": f"{folder}:{os.environ['PATH']}", "FOLDER": folder}
stacks.TenantStack(Path(folder), "acme", quiet=True).up()
"""


def fake_cli(folder: Path, text: str) -> None:
    (folder / "pulumi").write_text(text)
    (folder / "pulumi").chmod(0o755)


def until(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} is not there"
        time.sleep(0.05)  # between two looks of a poll with a deadline


def test_a_cli_whose_parent_is_killed_ends_its_run_in_order(tmp_path: Path) -> None:
    fake_cli(tmp_path, SLOW)
    parent = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)])
    try:
        until(tmp_path / "begun")
    finally:
        parent.kill()
        parent.wait()
        (tmp_path / "go").touch()
    until(tmp_path / "ended")


def test_what_the_cli_said_is_in_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cli(tmp_path, "#!/bin/sh\necho on its way\necho 'error: no such thing' >&2\nexit 255\n")
    monkeypatch.setattr(stacks, "tool_environment", lambda: {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    with pytest.raises(StackError, match="no such thing") as caught:
        TenantStack(tmp_path, "acme", quiet=True).up()
    assert caught.value.output == "on its way\nerror: no such thing"


def test_a_lock_whose_process_is_gone_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    line = f"file:///b/.pulumi/locks/a.json: created by root@$(hostname) (pid {gone.pid}) at 2026-11-28T08:34:51Z"
    cli = f'#!/bin/sh\necho "error: the stack is currently locked by 1 lock(s)." >&2\necho "  {line}" >&2\nexit 255\n'
    fake_cli(tmp_path, cli)
    monkeypatch.setattr(stacks, "tool_environment", lambda: {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    (tmp_path / "Pulumi.yaml").write_text("name: mailtenant\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    with pytest.raises(StepError, match="the lock is stale") as caught:
        PulumiStack(tmp_path, "acme")._run(TenantStack.up)
    assert not caught.value.again
    assert "migrate retry acme" in caught.value.fix
