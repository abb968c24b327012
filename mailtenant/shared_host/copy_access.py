"""The way in for a copy: one command on the shared host that opens it, and closes it when its input ends.

When whoever asked for it is killed, its end of the pipe is closed: so is the way in. Where its machine is gone, sshd
has to notice that first.
"""

import re
import secrets
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from mailtenant.migration.sides import SideError
from mailtenant.runner import SECONDS, Runner, checked
from mailtenant.shared_host.paths import HostPaths
from mailtenant.shared_host.script import ACCESS, CLOSE

_ANSWER: Final = re.compile(r"(frozen|open) (\S+)")
_END_SECONDS: Final = 90.0
"""The lock is waited for for a minute."""


@dataclass(frozen=True)
class CopyAccess:
    """What a tenant's Dovecot needs to reach the customer's mailboxes while a pass runs. `frozen`: whether logins of
    every domain of the customer were denied when the way in was opened."""

    password: str = field(repr=False)
    frozen: bool


@contextmanager
def copy_access(
    runner: Runner, paths: HostPaths, domains: Sequence[str], addresses: Sequence[str]
) -> Iterator[CopyAccess]:
    """The copy instance knows exactly these mailboxes of these domains until the block ends. Raises: SideError"""
    mark = secrets.token_hex(8)
    # What goes wrong there is said where the answer is expected.
    words = ["sh", "-c", f"exec 2>&1\n{ACCESS}", "sh", paths.move, paths.copy_config, *domains, "--", *addresses]
    with runner.start(words) as process:
        try:
            yield _opened(runner, process, f"{secrets.token_urlsafe(32)} {mark}\n".encode())
        finally:
            if not _ended(process):
                # Says also what is wrong with a host that cannot be reached at all.
                checked(runner, ["sh", "-c", CLOSE, "sh", paths.move, mark])


def _opened(runner: Runner, process: "subprocess.Popen[bytes]", given: bytes) -> CopyAccess:
    """Raises: SideError, in the words of what failed there."""
    last = "it said nothing"
    patience = threading.Timer(SECONDS, process.kill)
    patience.start()
    try:
        _hand_over(process, given)
        for line in process.stdout or ():
            last = line.decode("utf-8", "replace").strip()[:300]
            if found := _ANSWER.fullmatch(last):
                return CopyAccess(found[2], found[1] == "frozen")
    finally:
        patience.cancel()
    raise SideError(f"{runner.name}: the way in for the copy was not opened: {last}")


def _hand_over(process: "subprocess.Popen[bytes]", given: bytes) -> None:
    """What has ended already says so by its silence."""
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.write(given)
            process.stdin.flush()


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it closed the way in."""
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    try:
        return process.wait(_END_SECONDS) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        return False
