"""`mailtenant serve` as a process of its own, and a reader of `/api/userinfo/` as a program: `server.py URL KEY FILE`
asks in a tight loop until FILE exists, then prints every different answer that it saw and how many it got."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

TREE = Path(__file__).resolve().parents[3]
DEADLINE = 120


@contextmanager
def serving(url: str, folder: Path, *options: str) -> Iterator[str]:
    """The address of a server on the control plane at `url`, `/healthz` green. It must end cleanly on SIGTERM."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ, "MAILTENANT_DATABASE_URL": url, "MAILTENANT_KEY_FILE": str(folder / "control.key"),
        "MAILTENANT_RATE_KEY": "10000000/minute",
    }  # fmt: skip
    start = "from mailtenant.cli.app import main; main()"
    command = [sys.executable, "-c", start, "serve", "--port", str(port), *options]
    log = (folder / f"serve-{port}.log").open("w+")
    process = subprocess.Popen(command, cwd=TREE, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + DEADLINE
        while not _healthy(address):
            assert process.poll() is None and time.monotonic() < end, _text(log.name)
            time.sleep(0.1)
        yield address
        process.terminate()
        assert process.wait(60) == 0, _text(log.name)
    finally:
        process.kill()
        process.wait()
        log.close()


def _healthy(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _text(name: str) -> str:
    return Path(name).read_text()


def read(address: str, key: str, stop: str) -> None:
    seen: dict[str, int] = {}
    with httpx.Client(headers={"X-Server-API-Key": key}, timeout=60) as client:
        while not Path(stop).exists():
            answer = client.get(f"{address}/api/userinfo/")
            body = answer.json()
            pair = f"{answer.status_code} {body.get('ibx_smtp')} {body.get('ibx_imap')}"
            seen[pair] = seen.get(pair, 0) + 1
    print(json.dumps(seen))


if __name__ == "__main__":
    read(*sys.argv[1:])
