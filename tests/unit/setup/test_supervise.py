"""images/base/supervise: ends a service whose edge is gone, and is otherwise not noticed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

SUPERVISE = Path(__file__).parents[3] / "images" / "base" / "supervise"
ADDRESS = "10.99.1.10"
FIB_TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.99.0.0
        /16 link UNICAST
     |-- {address}
        /32 host LOCAL
"""


class Supervised:
    """supervise under a plain sh, with files in place of what the kernel tells."""

    def __init__(self, folder: Path) -> None:
        self.interfaces = folder / "net"
        (self.interfaces / "eth0").mkdir(parents=True)
        self.addresses = folder / "fib_trie"
        self.addresses.write_text(FIB_TRIE.format(address=ADDRESS))
        self.process: subprocess.Popen[str] | None = None

    def start(self, service: str, **settings: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "MAILTENANT_NET_CLASS": str(self.interfaces),
            "MAILTENANT_FIB_TRIE": str(self.addresses),
            "MAILTENANT_EDGE_SECONDS": "0.1",
            **settings,
        }
        self.process = subprocess.Popen(
            ["sh", SUPERVISE, "sh", "-c", service],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Under `nohup` it would be ignored, for good: a shell cannot trap what it was started without.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )
        return self.process


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    made = Supervised(tmp_path)
    yield made
    if made.process is not None:
        with suppress(ProcessLookupError):
            os.killpg(made.process.pid, signal.SIGKILL)
        made.process.communicate()


def waiting(mark: Path, trap: str) -> str:
    """A service that says when it listens to signals, and then waits."""
    return f"trap '{trap}' TERM HUP INT; : >'{mark}'; while :; do sleep 0.05; done"


def await_true(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 10 s"
        time.sleep(0.02)


def test_the_status_of_the_service_is_its_own(supervised: Supervised) -> None:
    process = supervised.start("echo served; exit 7")
    output, _ = process.communicate(timeout=10)
    assert (process.returncode, output) == (7, "served\n")


def test_a_service_that_ends_well_ends_well_and_at_once(supervised: Supervised) -> None:
    process = supervised.start("exit 0", MAILTENANT_EDGE_SECONDS="60")
    assert process.wait(timeout=10) == 0


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "TERM"), (signal.SIGHUP, "HUP")])
def test_signals_reach_the_service(supervised: Supervised, tmp_path: Path, number: signal.Signals, name: str) -> None:
    mark = tmp_path / "ready"
    process = supervised.start(f"trap 'echo got {name}; exit 3' {name}; : >'{mark}'; while :; do sleep 0.05; done")
    await_true(mark.exists)
    process.send_signal(number)
    output, _ = process.communicate(timeout=10)
    assert (process.returncode, output) == (3, f"got {name}\n")


def test_a_reload_signal_does_not_end_the_service(supervised: Supervised, tmp_path: Path) -> None:
    mark, reloaded = tmp_path / "ready", tmp_path / "reloaded"
    process = supervised.start(f"trap ': >{reloaded}' HUP; : >'{mark}'; while :; do sleep 0.05; done")
    await_true(mark.exists)
    process.send_signal(signal.SIGHUP)
    await_true(reloaded.exists)
    assert process.poll() is None


@pytest.mark.parametrize("settings", [{}, {"MAILTENANT_EDGE_ADDRESS": ADDRESS}], ids=["interface", "address"])
def test_the_service_is_stopped_when_the_edge_is_gone(
    supervised: Supervised, tmp_path: Path, settings: dict[str, str]
) -> None:
    mark = tmp_path / "ready"
    process = supervised.start(waiting(mark, "echo stopped; exit 0"), **settings)
    await_true(mark.exists)
    (supervised.interfaces / "eth0").rmdir()
    # Another tenant's address that begins the same is not ours.
    supervised.addresses.write_text(FIB_TRIE.format(address=f"{ADDRESS}0"))
    output, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert output == "stopped\n"
    assert "is gone" in errors


def test_a_service_that_does_not_stop_is_killed(supervised: Supervised, tmp_path: Path) -> None:
    mark = tmp_path / "ready"
    process = supervised.start(waiting(mark, ":"), MAILTENANT_STOP_SECONDS="0.3")
    await_true(mark.exists)
    (supervised.interfaces / "eth0").rmdir()
    assert process.wait(timeout=10) == 1


def test_nothing_starts_without_the_edge(supervised: Supervised, tmp_path: Path) -> None:
    started = tmp_path / "started"
    process = supervised.start(f": >{started}", MAILTENANT_EDGE_ADDRESS="10.99.1.99")
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "10.99.1.99" in errors
    assert not started.exists()


def test_a_call_without_a_command_is_refused() -> None:
    done = subprocess.run(["sh", SUPERVISE], capture_output=True, text=True, check=False, timeout=10)
    assert done.returncode == 2
    assert "usage" in done.stderr
