"""How the engine is reached: a unix socket, TCP, or the machine's own ssh client."""

from __future__ import annotations

import socket
import subprocess
from typing import Any
from urllib.parse import urlsplit

import urllib3
import urllib3.connection
from docker.api.client import APIClient
from docker.transport.basehttpadapter import BaseHTTPAdapter

_TIMEOUT = 120  # seconds for one answer; stopping a container adds its grace time


def connect(host: str, version: str) -> APIClient:
    """A client for `unix://`, `tcp://` or `ssh://`. Asks the engine for its API version when `version` is `auto`."""
    if not host.startswith("ssh://"):
        return APIClient(base_url=host, version=version, timeout=_TIMEOUT)
    client = APIClient(base_url="tcp://engine-behind-ssh:2375", version="1.41", timeout=_TIMEOUT)
    client.mount("http://", _SshAdapter(host))
    client.trust_env = False  # no proxy stands between us and the ssh client
    if version == "auto":
        version = str(client.version(api_version=False)["ApiVersion"])
    client.__dict__["_version"] = version  # docker-py has no public way to set it later
    return client


def ssh_command(host: str) -> list[str]:
    """The command whose standard input and output are the engine's API, as Docker's own CLI runs it."""
    parts = urlsplit(host)
    if not parts.hostname:
        raise OSError(f"{host} names no host")
    target = f"{parts.username}@{parts.hostname}" if parts.username else parts.hostname
    port = ["-p", str(parts.port)] if parts.port else []
    # BatchMode: a password question would hang unseen behind the Pulumi CLI.
    return ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", *port, "--", target, "docker system dial-stdio"]


class _SshConnection(urllib3.connection.HTTPConnection):
    """One HTTP connection whose socket is the other end of an ssh client's standard input and output."""

    def __init__(self, host: str) -> None:
        super().__init__("engine-behind-ssh", timeout=_TIMEOUT)
        self._ssh = host
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(_TIMEOUT)
        with theirs:
            self._process = subprocess.Popen(
                ssh_command(self._ssh),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C ends the work in order; it must not cut the line first
            )
        self.sock = ours

    def close(self) -> None:
        super().close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


class _SshPool(urllib3.HTTPConnectionPool):
    def __init__(self, host: str) -> None:
        super().__init__("engine-behind-ssh", timeout=_TIMEOUT, maxsize=1)
        self._ssh = host

    def _new_conn(self) -> Any:
        return _SshConnection(self._ssh)


class _SshAdapter(BaseHTTPAdapter):
    """Sends requests through the pool above; each thread has its own client, so one connection is enough."""

    def __init__(self, host: str) -> None:
        self._pool = _SshPool(host)
        super().__init__()

    def get_connection(self, *_: Any, **__: Any) -> Any:
        return self._pool

    get_connection_with_tls_context = get_connection

    def request_url(self, request: Any, proxies: Any) -> str:
        return str(request.path_url)

    def close(self) -> None:
        self._pool.close()
        super().close()
