"""`mailtenant migrate run`: the worker. A small parent starts it anew when the kernel or a fence has ended it."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from mailtenant.cli import output
from mailtenant.cli.control import control
from mailtenant.cli.watch import watch_of
from mailtenant.control import customers, migrations
from mailtenant.control.channels import channels
from mailtenant.control.plane import ControlPlane
from mailtenant.control.sender import Sender
from mailtenant.migration import State
from mailtenant.watch import rounds
from mailtenant.workers.deadman import DeadMan
from mailtenant.workflow import watch
from mailtenant.workflow.real.moves import PlaceSettings, RealMoves
from mailtenant.workflow.settings import WorkflowSettings
from mailtenant.workflow.worker import FENCED_EXIT, Worker, stop_on_signals

CHILD: Final = "MAILTENANT_WORKER_PARENT"
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
AGAIN: Final = (-signal.SIGALRM, FENCED_EXIT)
RESTING: Final = (State.COMPLETED, State.ROLLED_BACK, State.FAILED, State.DEFERRED, State.OPTED_OUT, State.REQUESTED)


def run(
    once: Annotated[
        str | None, typer.Option("--once", metavar="LABEL", help="end when this customer's move rests or stands failed")
    ] = None,
    log: Annotated[str, typer.Option("--log", help="debug, info, warning or error")] = "info",
    project: output.ProjectOption = None,
) -> None:
    """Carry out the moves of all customers until SIGTERM or Ctrl-C; also send what is in the outbox, and watch tenants
    that have moved (MAILTENANT_WATCH_PAUSE). Several of these may run on PostgreSQL; SQLite allows one.

    Exit codes: 0 ended as asked, 1 refused, or with --once: the move failed.

    Example: mailtenant migrate run
    """
    if log.upper() not in LEVELS:
        raise output.CommandError(f"--log takes {', '.join(LEVELS).lower()}")
    parent = os.environ.get(CHILD)
    code = _supervise(sys.argv[1:]) if parent is None else _work(once, log, project, int(parent))
    raise typer.Exit(code)


def _supervise(arguments: list[str]) -> int:
    """Starts the worker, and again when it was ended for being silent too long (the database was away, the machine
    was overloaded)."""
    command = [sys.executable, "-c", "from mailtenant.cli.app import main; main()", *arguments]
    stopping: list[int] = []
    while True:
        child = subprocess.Popen(command, env={**os.environ, CHILD: str(os.getpid())})

        def pass_on(number: int, _: FrameType | None, child: "subprocess.Popen[bytes]" = child) -> None:
            stopping.append(number)
            child.send_signal(number)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, pass_on)
        code = child.wait()
        if code not in AGAIN or stopping:
            return code if code >= 0 else 128 - code
        typer.echo("the worker was silent for too long and was ended; starting it again", err=True)
        time.sleep(1)  # a database that is away is not asked in a tight loop


def _work(once: str | None, log: str, project: Path | None, parent: int) -> int:
    logging.basicConfig(level=log.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    with control(project) as plane:
        if once is not None:
            _state(plane, once)
        moves = RealMoves(plane, output.project_dir(project), PlaceSettings.from_environment())
        worker = Worker(plane, WorkflowSettings.from_environment(), moves, deadman=DeadMan())
        stop_on_signals(worker)
        _send_messages(plane, worker)
        if moves.places.shared_host:
            _watch_logins(plane, worker, moves)
        if once is None:
            _watch_tenants(plane, worker, output.project_dir(project))

        def over() -> bool:
            # Without its parent nobody would start it again, or stop it.
            orphan = os.getppid() != parent
            return orphan or (once is not None and _state(plane, once) in RESTING)

        code = worker.run(over)
        if once is not None and code == 0 and _state(plane, once) is State.FAILED:
            code = output.ExitCode.PROBLEM
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that hangs in a command must not keep the process: others wait for its end.
    os._exit(code)


def _send_messages(plane: ControlPlane, worker: Worker) -> None:
    sender = Sender(plane, channels(plane), f"{worker.lease.id}-outbox")
    threading.Thread(target=sender.run, args=(worker.stop,), name="outbox", daemon=True).start()


def _watch_logins(plane: ControlPlane, worker: Worker, moves: RealMoves) -> None:
    told = (plane, moves.logins, worker.stop, WorkflowSettings.from_environment().logins)
    threading.Thread(target=watch.run, args=told, name="logins", daemon=True).start()


def _watch_tenants(plane: ControlPlane, worker: Worker, folder: Path) -> None:
    told = (watch_of(plane, folder), worker.stop)
    threading.Thread(target=rounds.run, args=told, name="watch", daemon=True).start()


def _state(plane: ControlPlane, label: str) -> State:
    with plane.database.read() as session:
        return migrations.load(session, customers.find(session, label))[1].state
