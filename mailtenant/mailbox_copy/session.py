"""Sessions on either side without a password: `doveadm exec`, as the host's own administrator may."""

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from mailtenant.mailbox_copy.imap import Imap
from mailtenant.mailbox_copy.sieve import ManageSieve
from mailtenant.migration.sides import SideError
from mailtenant.runner import Runner

_END_SECONDS = 10
# As long as a pass over one mailbox may take: the source's session stays open meanwhile.
_SECONDS = "18000"
# The second hears what the first has not read: whoever speaks waits for its answer to LOGOUT.
_BOTH = 'doveadm exec managesieve -u "$1" && exec doveadm exec imap -u "$1"'


@contextmanager
def imap_session(runner: Runner, address: str) -> Iterator[Imap]:
    """Raises: SideError"""
    with _exec(runner, "imap", address) as (reader, writer):
        yield Imap(reader, writer, f"{runner.name}: {address}")


@contextmanager
def both_sessions(runner: Runner, address: str) -> Iterator[tuple[ManageSieve, Imap]]:
    """One command for both: filters first, until that session's LOGOUT, then mail. Raises: SideError"""
    with _run(runner, ["sh", "-c", _BOTH, "sh", address], "managesieve") as (reader, writer):
        who = f"{runner.name}: {address}"
        yield ManageSieve(reader, writer, who), Imap(reader, writer, who)


@contextmanager
def sieve_session(runner: Runner, address: str) -> Iterator[ManageSieve]:
    """Raises: SideError"""
    with _exec(runner, "managesieve", address) as (reader, writer):
        yield ManageSieve(reader, writer, f"{runner.name}: {address}")


@contextmanager
def _exec(runner: Runner, service: str, address: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    with _run(runner, ["doveadm", "exec", service, "-u", address], service) as both:
        yield both


@contextmanager
def _run(runner: Runner, command: Sequence[str], service: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    process = runner.start(["timeout", "-k", "10", _SECONDS, *command])
    with pipes(process, f"{runner.name}: `doveadm exec {service}`") as both:
        yield both


@contextmanager
def pipes(process: "subprocess.Popen[bytes]", who: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """(what it says, what it hears); it is ended afterwards. Raises: SideError"""
    reader, writer = process.stdout, process.stdin
    if reader is None or writer is None:
        raise SideError(f"{who}: no pipes")
    try:
        yield reader, writer
    finally:
        # The end of its input ends the session. Nobody needs to see it end, which takes as long as a small copy.
        with suppress(OSError):
            writer.close()
        threading.Thread(target=_end, args=(process, reader), name="end of a session").start()


def _end(process: "subprocess.Popen[bytes]", reader: IO[bytes]) -> None:
    """Whoever does not listen is ended."""
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    reader.close()
