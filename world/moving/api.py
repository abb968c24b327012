"""The customers' API of a played move, as a process of its own, and programs that ask it before they connect."""

import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from world.moving.scene import TREE

DEADLINE = 120.0


class Api:
    """`mailtenant serve` on a free loopback port until `close`; a thread reads userinfo in a loop all the while.

    `seen`: `status smtp-host imap-host` → how often.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], key: str, between: float = 0.02, *, work: bool = False
    ) -> None:
        """`between`: seconds between two reads; `work`: it carries out tasks as well. Raises: RuntimeError with the
        server's last words, if it does not come up."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._between = between
        self.address, self._log = f"http://127.0.0.1:{port}", folder / "serve.log"
        start = "from mailtenant.cli.app import main; main()"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", start, "serve", "--work" if work else "--no-work", "--port", str(port)],
                cwd=TREE, env=dict(environment), stdout=log, stderr=log,
            )  # fmt: skip
        self._client = httpx.Client(base_url=self.address, headers={"Authorization": f"Api-Key {key}"}, timeout=30)
        self.seen: Counter[str] = Counter()
        self._stop = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        end = time.monotonic() + DEADLINE
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > end:
                self._process.kill()
                raise RuntimeError(f"the API did not come up: {self._log.read_text()[-2000:]}")
            time.sleep(0.1)
        self._reader.start()

    def hosts(self) -> tuple[str, str]:
        """`ibx_smtp` and `ibx_imap`, asked now with the customer's key. Raises: RuntimeError"""
        status, smtp, imap = self._ask()
        if status != 200:
            raise RuntimeError(f"userinfo answered {status}")
        return smtp, imap

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The answer's JSON. Raises: httpx.HTTPStatusError"""
        answer = self._client.request(method, path, json=body)
        return answer.raise_for_status().json()

    def close(self) -> None:
        self._stop.set()
        if self._reader.is_alive():
            self._reader.join(60)
        self._process.terminate()
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            self._client.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                status, smtp, imap = self._ask()
                self.seen[f"{status} {smtp} {imap}"] += 1
            except httpx.HTTPError as error:
                self.seen[f"no answer: {error}"] += 1
            self._stop.wait(self._between)

    def _ask(self) -> tuple[int, str, str]:
        answer = self._client.get("/api/userinfo/")
        if answer.status_code != 200:
            return answer.status_code, "", ""
        body = answer.json()
        return answer.status_code, body["ibx_smtp"], body["ibx_imap"]

    def _healthy(self) -> bool:
        try:
            return self._client.get("/healthz").status_code == 200
        except httpx.HTTPError:
            return False
