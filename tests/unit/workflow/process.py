"""A real worker process on the played world of the test's process.

`Served` answers the operations of `PlayedMoves` to other processes; `python -m tests.unit.workflow.process` is a worker
(`mailtenant migrate run` with played systems in place of the real ones).
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any

from mailtenant.control.configuration import ControlSettings
from mailtenant.control.plane import open_plane
from mailtenant.migration.sides import PassProgress
from mailtenant.workers.deadman import DeadMan
from mailtenant.workflow.ports import Move
from mailtenant.workflow.settings import WorkflowSettings
from mailtenant.workflow.worker import Worker, stop_on_signals

from .played import PlayedMoves, World

ROOT = Path(__file__).resolve().parents[3]
KEY = b"played"


class Served:
    """The world, one operation at a time, and who asked for which."""

    def __init__(self, world: World) -> None:
        self.world, self._lock = world, threading.Lock()
        self.asked: list[tuple[int, str]] = []
        self.gate: Callable[[int, str], None] = lambda process, name: None
        served = self

        class Manager(BaseManager):
            pass

        Manager.register("call", callable=served.call)
        Manager.register("now", callable=lambda: [served.world.clock()])
        self._server = Manager(("127.0.0.1", 0), authkey=KEY).get_server()
        self.port = self._server.address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def call(self, process: int, part: str, method: str, arguments: tuple[Any, ...]) -> list[Any]:
        self.gate(process, f"{part}.{method}")
        with self._lock:
            self.asked.append((process, f"{part}.{method}"))
            moves = PlayedMoves(self.world)
            target = moves if part == "moves" else getattr(moves.open("acme"), part)
            return [getattr(target, method)(*arguments)]


class _Client(BaseManager):
    pass


_Client.register("call")
_Client.register("now")


class Remote:
    """One part of the move, in the other process."""

    def __init__(self, client: BaseManager, part: str) -> None:
        self._client, self._part = client, part

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def operation(*arguments: Any, **named: Any) -> Any:
            if (self._part, method) == ("copier", "run"):
                direction, addresses, advance = arguments
                advance(PassProgress(0, len(addresses), 0, 0))
                arguments = (direction, list(addresses))
            return self._client.call(os.getpid(), self._part, method, arguments)._getvalue()[0]  # type: ignore[attr-defined]

        return operation


class RemoteMoves:
    def __init__(self, client: BaseManager) -> None:
        self._client = client

    def open(self, label: str) -> Move:
        parts = {name: Remote(self._client, name) for name in ("shared", "tenant", "copier", "stack", "dns", "probes")}
        return Move(label, shared_host="shared.test", tenant_host="tenant.test", **parts)  # type: ignore[arg-type]

    def __getattr__(self, method: str) -> Any:
        return getattr(Remote(self._client, "moves"), method)


def start(url: str, key_file: Path, port: int, log: Path, **paces: float) -> "subprocess.Popen[bytes]":
    """A worker process."""
    told = json.dumps({"url": url, "key": str(key_file), "port": port, "paces": paces})
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.unit.workflow.process", told], cwd=ROOT, stdout=out, stderr=out
        )


def main() -> None:
    told = json.loads(sys.argv[1])
    client = _Client(("127.0.0.1", told["port"]), authkey=KEY)
    client.connect()

    def now() -> datetime:
        found: datetime = client.now()._getvalue()[0]  # type: ignore[attr-defined]
        return found

    settings = ControlSettings.model_validate({"database_url": told["url"], "key_file": told["key"]})
    plane = open_plane(settings, now=now)
    paces = {"tick": 0.3, "pause": 0.3, "look": 0.3, "quiet": 5, "lease": 20, **told["paces"]}
    worker = Worker(plane, WorkflowSettings.model_validate(paces), RemoteMoves(client), deadman=DeadMan())
    stop_on_signals(worker)
    code = worker.run()
    plane.close()
    os._exit(code)


if __name__ == "__main__":
    main()
