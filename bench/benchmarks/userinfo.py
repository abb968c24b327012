"""Requests a second of `/api/userinfo/` on one worker, against an endpoint of FastAPI that does nothing."""

import asyncio
import base64
import os
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory

from bench.results import Aim, BenchError, Figure, Result
from bench.session import Session

CONNECTIONS = 32
BARE = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/api/userinfo/")
async def userinfo():
    return {"ibx_smtp": "mail.inboxment.com", "ibx_imap": "mail.inboxment.com"}
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="error", http="httptools")
"""
OURS = """
import sys, uvicorn
from pathlib import Path
from mailtenant.api.app import create_app
from mailtenant.control.configuration import ControlSettings
from mailtenant.control.plane import open_plane
from mailtenant.shared_host.place import SharedPlace
from mailtenant.tasks.systems import ProjectSystems
plane = open_plane(ControlSettings.from_environment())
app = create_app(plane, ProjectSystems(Path("."), plane, SharedPlace()))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="error", http="httptools")
"""


def measure(session: Session) -> Result:
    """Both servers up, measured in turns, so that other work on the machine hits both."""
    rounds, seconds = (3, 2.0) if session.quick else (7, 4.0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="mailtenant-bench-")))
        environment, key = _customer(folder)
        session.say("userinfo: starting both servers")
        bare = stack.enter_context(_server(BARE, environment))
        ours = stack.enter_context(_server(OURS, environment))
        rates: dict[str, list[float]] = {"bare": [], "ours": []}
        for number in range(rounds + 1):
            session.say(f"userinfo: round {number} of {rounds}")
            for name, port in (("bare", bare), ("ours", ours)):
                rate = asyncio.run(_load(port, key, seconds))
                # The first round warms both up.
                if number:
                    rates[name].append(rate)
    pairs = [one / other for one, other in zip(rates["ours"], rates["bare"], strict=True)]
    quartiles = statistics.quantiles(pairs, n=4)
    figure = Figure(
        "requests a second",
        statistics.median(rates["ours"]),
        "1/s",
        baseline=statistics.median(rates["bare"]),
        ratio=statistics.median(pairs),
        spread=(quartiles[2] - quartiles[0]) / 2,
        aim=Aim("at least", 0.5),
    )
    how = (
        f"One worker, SQLite, {CONNECTIONS} kept-alive connections of one client, {rounds} rounds of {seconds:g} s "
        "in turns; each answer is checked for its status and both hosts."
    )
    return Result("userinfo", "`/api/userinfo/`", how, (figure,), baseline="an endpoint of FastAPI that returns a dict")


def _customer(folder: Path) -> tuple[dict[str, str], str]:
    """A control plane with one customer; the environment that names it, and a key."""
    from mailtenant.control import api_keys, customers
    from mailtenant.control.configuration import ControlSettings
    from mailtenant.control.plane import open_plane

    (folder / "key").write_text(base64.b64encode(os.urandom(32)).decode(), encoding="ascii")
    settings = {
        "MAILTENANT_DATABASE_URL": f"sqlite:///{folder / 'control.db'}",
        "MAILTENANT_KEY_FILE": str(folder / "key"),
        "MAILTENANT_RATE_KEY": "1000000000/minute",
    }
    plane = open_plane(ControlSettings.from_environment(settings))
    with plane.database.write() as database:
        tenant = customers.add(
            plane, database, organisation="Acme", domains=["acme.test"], contact=("Jo", "jo@example.com"), actor="bench"
        )
        _, key = api_keys.create(plane, database, tenant, "bench", actor="bench")
    plane.close()
    return {**os.environ, **settings}, key


@contextmanager
def _server(program: str, environment: dict[str, str]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    process = Popen([sys.executable, "-c", program, str(port)], env=environment, stdout=DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError("userinfo: a server did not start; its reason stands above")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


async def _load(port: int, key: str, seconds: float) -> float:
    """Requests a second, by bare sockets: a full HTTP client would be the slower side."""
    request = (f"GET /api/userinfo/ HTTP/1.1\r\nHost: x\r\nAuthorization: Api-Key {key}\r\n\r\n").encode()
    end = time.perf_counter() + seconds

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        count = 0
        try:
            while time.perf_counter() < end:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                body = await reader.readexactly(length)
                if not head.startswith(b"HTTP/1.1 200") or body.count(b"mail.inboxment.com") != 2:
                    raise BenchError("userinfo: an answer was not as it should be")
                count += 1
        finally:
            writer.close()
        return count

    started = time.perf_counter()
    counts = await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - started)
