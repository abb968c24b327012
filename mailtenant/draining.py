"""Emptying the queue of a mail server that goes: deliver what can be delivered, move the rest to the first one's queue.

Nothing is lost on the way: the server is stopped before its queue moves, each message is whole in the other queue
before it leaves this one, and its volume cannot be deleted while anything is in it.
"""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mailtenant.settings.nodes import MOST_NODES

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

FLUSH_SECONDS: Final = 60
_POLL_SECONDS: Final = 1.0
_HELPER: Final = "/usr/local/lib/mailtenant/move-queue"
_CAPABILITIES: Final = ("CHOWN", "DAC_OVERRIDE", "FOWNER")


class DrainError(RuntimeError):
    """A queue could not be emptied. Nothing was lost; the message says what to do."""


class EngineSilent(DrainError):
    """There is no `docker` client here, or no engine that answers it."""


@dataclass(frozen=True)
class Drained:
    """`left`: messages that could not be delivered within the time, and were moved."""

    number: int
    left: int


class NodeQueues:
    """The queues of one tenant's mail servers on its engine. `environment`: that of the `docker` client."""

    def __init__(self, settings: "TenantSettings", environment: Mapping[str, str]) -> None:
        self._prefix, self._label = settings.prefix, settings.label
        self._image = f"mailtenant/smtp:{settings.release}"
        self._environment = dict(environment)

    def there(self) -> list[int]:
        """Numbers of the further mail servers that the engine holds a queue of."""
        wanted = [f"label=mailtenant.tenant={self._label}", f"name={self._prefix}-queue-"]
        names = self._docker("volume", "ls", "-q", *(part for f in wanted for part in ("--filter", f))).split()
        numbers = {f"{self._prefix}-queue-{number}": number for number in range(2, MOST_NODES + 1)}
        return sorted(numbers[name] for name in names if name in numbers)

    def count(self, number: int) -> int:
        """Messages in the queue of a further mail server."""
        return int(self._helper(number, "--count"))

    def drain(self, number: int, say: Callable[[str], None]) -> Drained:
        """Empties the queue of a further mail server, which is stopped afterwards.

        Raises: DrainError; the server then runs again as before.
        """
        name = f"{self._prefix}-smtp-{number}"
        running = self._docker("ps", "-q", "--filter", f"name=^/{name}$").strip()
        if running:
            say(f"mail server {number} of {self._label} goes: delivering what is in its queue")
            self._flush(name)
            self._docker("stop", name)
        try:
            left = int(self._helper(number)) if self.count(number) else 0
            if left:
                say(f"{left} messages of mail server {number} that wait for somebody moved to the first one's queue")
                self._wake_first()
        except DrainError:
            if running:
                self._docker("start", name)
            raise
        return Drained(number, left)

    def _flush(self, name: str) -> None:
        """Tries everything once, for a minute at most."""
        self._docker("exec", name, "postqueue", "-f")
        deadline, quiet = time.monotonic() + FLUSH_SECONDS, 0
        while quiet < 2 and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            lines = self._docker("exec", name, "postqueue", "-j").splitlines()
            busy = [line for line in lines if json.loads(line)["queue_name"] in ("incoming", "active", "maildrop")]
            quiet = 0 if busy else quiet + 1

    def _wake_first(self) -> None:
        """The first server looks into its queue now; if it does not run, it will when it starts."""
        try:
            self._docker("exec", f"{self._prefix}-smtp", "postqueue", "-f")
        except DrainError:
            return

    def _helper(self, number: int, *arguments: str) -> str:
        command = ["run", "--rm", "--network", "none", "--user", "0:0", "--cap-drop", "ALL"]
        command += [part for capability in _CAPABILITIES for part in ("--cap-add", capability)]
        command += ["--security-opt", "no-new-privileges", "--label", f"mailtenant.drain={self._label}"]
        command += ["--volume", f"{self._prefix}-queue-{number}:/from", "--volume", f"{self._prefix}-queue:/to"]
        return self._docker(*command, "--entrypoint", _HELPER, self._image, *arguments).strip()

    def _docker(self, *arguments: str) -> str:
        try:
            done = subprocess.run(
                ["docker", *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=600,
            )
        except FileNotFoundError:
            raise EngineSilent("the `docker` client is not on PATH; install it (Debian: docker.io)") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DrainError(f"the engine of {self._label} does not answer: {type(error).__name__}") from None
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            if "Cannot connect to the Docker daemon" in said or "error during connect" in said:
                where = self._environment.get("DOCKER_HOST") or "the default place"
                raise EngineSilent(f"no Docker engine answers at {where}; start it, or name it in DOCKER_HOST")
            raise DrainError(
                f"a mail server of {self._label} that is to go could not be emptied: {said}. It stays, with its mail; "
                "put that right and run `pulumi up` again, or set nodes.smtp back"
            )
        return done.stdout


def drain_leaving(
    settings: "TenantSettings", environment: Mapping[str, str], say: Callable[[str], None], *, stay: int | None = None
) -> list[Drained]:
    """Empties the queues of all mail servers beyond `stay` (default: as many as the settings want).

    Raises: DrainError
    """
    queues = NodeQueues(settings, environment)
    wanted = settings.nodes.smtp if stay is None else stay
    return [queues.drain(number, say) for number in queues.there() if number > wanted]
