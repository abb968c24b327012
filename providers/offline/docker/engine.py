"""The edge to the Docker engine: one lazy client a thread, errors as one sentence, waiting with a deadline."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from providers.shared.errors import ProviderError

if TYPE_CHECKING:  # docker-py costs 0.15 s to import: only work on the engine pays for it, a no-op `up` does not
    from docker.api.client import APIClient

DEFAULT_HOST = "unix:///var/run/docker.sock"


class EngineError(ProviderError):
    """The engine refused; the text is one sentence for the user."""


class Missing(EngineError):
    """The object does not exist."""


class Conflict(EngineError):
    """The object is in use, or its name is taken."""


class Unreachable(EngineError):
    """No engine answers."""


class Engine:
    """One Docker engine, reached only when something is asked of it."""

    def __init__(self, host: str = "") -> None:
        self.host = host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        self._cancelled = threading.Event()
        self._local = threading.local()
        self._version = "auto"

    def cancel(self) -> None:
        """Ends every wait (the user pressed Ctrl-C)."""
        self._cancelled.set()

    @contextmanager
    def doing(self, what: str) -> Iterator[Any]:
        """The client, with every failure turned into an EngineError that begins with `what`."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            yield self._client()
        except APIError as error:
            raise _translated(what, error) from None
        except (DockerException, RequestException, OSError) as error:
            raise Unreachable(
                f"{what}: the Docker engine at {self.host} does not answer ({_innermost(error)}); start it, or set "
                "docker:host or DOCKER_HOST to the address of one that runs"
            ) from None

    def _client(self) -> APIClient:
        client: APIClient | None = getattr(self._local, "client", None)
        if client is None:
            from .connection import connect

            client = connect(self.host, self._version)
            self._version = client.api_version  # asked once, then known to the other threads
            self._local.client = client
        return client

    def ticks(self, limit: float, every: float = 0.1) -> Iterator[float]:
        """Yields the seconds left, now and then every `every` seconds, until `limit` seconds have passed."""
        end = time.monotonic() + limit
        while True:
            left = end - time.monotonic()
            yield max(left, 0.0)
            if left <= 0:
                return
            if self._cancelled.wait(min(every, left)):
                raise EngineError("cancelled while it waited for the Docker engine")


def _translated(what: str, error: Any) -> EngineError:
    text = f"{what}: {str(error.explanation or error).strip().rstrip('.')}"
    kinds: dict[int, type[EngineError]] = {404: Missing, 409: Conflict}
    return kinds.get(error.status_code, EngineError)(text)


def _innermost(error: BaseException) -> str:
    """The reason at the bottom of requests' and urllib3's chain, without their wrapping."""
    seen = {id(error)}
    while True:
        inner = error.__cause__ or error.__context__ or getattr(error, "reason", None)
        if not isinstance(inner, BaseException) or id(inner) in seen:
            return str(getattr(error, "strerror", "") or error)
        seen.add(id(inner))
        error = inner
