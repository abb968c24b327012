"""Runs commands on a mail host: in a container for the world and the tenants, over ssh for a real host.

Commands are lists of words and stay lists: no argument is ever read by a shell here. What is secret goes by stdin.
"""

import shlex
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from mailtenant.migration.sides import SideError

SECONDS: Final = 120
Stdin = bytes | Callable[[], bytes]
"""What a command reads; what is known only later is asked for when the command is on its way."""


class HostGone(SideError):
    """The host or container cannot be reached at all, so nothing can be said about the customer's mail on it."""


@dataclass(frozen=True)
class Done:
    """What a command left. `errors`: its standard error."""

    code: int
    output: bytes = field(repr=False)
    errors: str = field(repr=False)

    @property
    def text(self) -> str:
        return self.output.decode("utf-8", "replace")

    def last_words(self) -> str:
        """The last line that says something, for an error message."""
        lines = [line for line in self.errors.strip().splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else f"exit code {self.code}"


class Runner(Protocol):
    """Where commands run. `name` is for messages."""

    @property
    def name(self) -> str: ...

    def argv(self, command: Sequence[str]) -> list[str]:
        """The local command that runs `command` there."""

    def run(self, command: Sequence[str], *, stdin: Stdin = b"", seconds: float = SECONDS) -> Done:
        """Whatever its exit code. Raises: HostGone, SideError after `seconds`, whatever `stdin` raises"""

    def start(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        """With pipes for stdin and stdout. Raises: HostGone"""


class _Local(ABC):
    """What both kinds share: a local client program that reaches the host."""

    environment: Mapping[str, str] | None
    name: str

    @abstractmethod
    def argv(self, command: Sequence[str]) -> list[str]:
        """The client's own command line."""

    @abstractmethod
    def gone(self, done: Done) -> str | None:
        """Why the host could not be reached, if that is what the client says."""

    def run(self, command: Sequence[str], *, stdin: Stdin = b"", seconds: float = SECONDS) -> Done:
        with self._begun(command, subprocess.PIPE) as process:
            try:
                output, errors = process.communicate(stdin() if callable(stdin) else stdin, seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                raise SideError(
                    f"{self.name}: `{command[0]}` did not end within {seconds:.0f} s; look at its log"
                ) from None
            except BaseException:
                process.kill()
                raise
        done = Done(process.returncode, output, errors.decode("utf-8", "replace"))
        if done.code and (why := self.gone(done)):
            raise HostGone(f"{self.name}: {why}")
        return done

    def start(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        return self._begun(command, subprocess.DEVNULL)

    def _begun(self, command: Sequence[str], errors: int) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(
                self.argv(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=None if self.environment is None else dict(self.environment),
            )
        except FileNotFoundError as error:
            raise HostGone(f"{self.name}: the program `{error.filename}` is not on PATH; install it") from None


@dataclass(frozen=True)
class DockerRunner(_Local):
    """In a running container of the engine that `environment` names."""

    name: str
    environment: Mapping[str, str] | None = field(default=None, repr=False)

    def argv(self, command: Sequence[str]) -> list[str]:
        return ["docker", "exec", "-i", "-u", "0:0", self.name, *command]

    def gone(self, done: Done) -> str | None:
        for sign, why in (
            ("No such container", "there is no such container; bring it up"),
            ("is not running", "the container is not running; its log says why (docker logs)"),
            ("is paused", "the container is paused"),
            ("is restarting", "the container is restarting; its log says why (docker logs)"),
            ("Cannot connect to the Docker daemon", "no Docker engine answers; start it, or name it in DOCKER_HOST"),
        ):
            if sign in done.errors:
                return why
        return None


@dataclass(frozen=True)
class SshRunner(_Local):
    """`destination` as ssh knows it (`root@mail.inboxment.com`); keys and options come from the user's ssh settings."""

    destination: str
    environment: Mapping[str, str] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.destination

    def argv(self, command: Sequence[str]) -> list[str]:
        # sshd hands one string to a shell on the other side: every word is quoted for it.
        return [
            "ssh",
            "-T",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=15",
            "--",
            self.destination,
            shlex.join(command),
        ]

    def gone(self, done: Done) -> str | None:
        """255 is ssh's own exit code (ssh(1))."""
        return f"ssh: {done.last_words()}" if done.code == 255 else None


def checked(runner: Runner, command: Sequence[str], *, stdin: bytes = b"", seconds: float = SECONDS) -> str:
    """The output of a command that must succeed. Raises: SideError with its last words"""
    done = runner.run(command, stdin=stdin, seconds=seconds)
    if done.code:
        raise SideError(f"{runner.name}: `{command[0]}` failed: {done.last_words()}")
    return done.text
