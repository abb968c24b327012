"""A way to a tenant's database from where the command runs: a local unix socket whose connections end in the container.

The database publishes no port. Each connection to the local socket becomes one `docker exec … socat` in the database
container, as its own uid, so the server's peer rule decides who it is. Works the same for `ssh://` engines.
"""

import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

PORT: Final = 5432
_SERVER_SOCKET: Final = f"/run/postgresql/.s.PGSQL.{PORT}"
_CLOSE_SECONDS: Final = 5
_LONGEST_FOLDER: Final = 70  # a unix socket's path holds 107 octets, and ours lies 34 deeper


class Tunnel:
    """While open, `folder` is a `host=` for libpq. What the engine's client complained about is in `complaint()`."""

    def __init__(self, container: str, environment: Mapping[str, str]) -> None:
        self._command = [
            "docker",
            "exec",
            "-i",
            "-u",
            "5008:5008",
            container,
            "socat",
            "STDIO",
            f"UNIX-CONNECT:{_SERVER_SOCKET}",
        ]
        self._environment = dict(environment)
        self._folder = tempfile.TemporaryDirectory(prefix="mailtenant-", dir=_short_folder())
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._helpers: list[subprocess.Popen[bytes]] = []
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._accepting = threading.Thread(target=self._accept, name="database tunnel", daemon=True)

    @property
    def folder(self) -> Path:
        """Mode 0700: nobody else on this machine gets in."""
        return Path(self._folder.name)

    def complaint(self) -> str:
        """The last line that `docker` or `socat` wrote to its error output."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def __enter__(self) -> Self:
        self._listener.bind(str(self.folder / f".s.PGSQL.{PORT}"))
        self._listener.listen(4)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Only shutdown wakes a thread that waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for helper in self._helpers:
            _end(helper)
        self._errors.close()
        self._folder.cleanup()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self._helpers.append(
                        subprocess.Popen(
                            self._command,
                            stdin=connection.fileno(),
                            stdout=connection.fileno(),
                            stderr=self._errors,
                            env=self._environment,
                        )
                    )
                except OSError as failure:
                    self._errors.write(f"docker: {failure.strerror}\n".encode())
                    self._errors.flush()


def _short_folder() -> str | None:
    """None: the usual place for temporary files; `/tmp` where that one is too deep for a socket."""
    return None if len(os.fsencode(tempfile.gettempdir())) <= _LONGEST_FOLDER else "/tmp"


def _end(helper: subprocess.Popen[bytes]) -> None:
    """The server closed the connection, so the helper ends by itself; otherwise it is made to."""
    try:
        helper.wait(_CLOSE_SECONDS)
    except subprocess.TimeoutExpired:
        helper.kill()
        helper.wait()
