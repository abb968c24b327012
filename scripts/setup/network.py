"""Whether the official sites can be reached, decided in seconds and never remembered: a machine's network changes."""

from __future__ import annotations

import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from pathlib import Path

from scripts.setup.shell import Failure

_SECONDS = 4.0


def reachable(host: str, port: int = 443) -> bool:
    """Whether a connection to the host succeeds within a few seconds. Behind an HTTP proxy, it is asked instead."""
    proxy = os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY")
    if proxy:
        return _opens(f"https://{host}/")
    # A resolver that does not answer has no timeout of its own here, so the whole attempt gets one.
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(_connects, host, port).result(_SECONDS)
    except TooLate:
        return False
    finally:
        pool.shutdown(wait=False)


def _connects(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            return True
    except OSError:
        return False


def _opens(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS):  # noqa: S310 - https, built above
            return True
    except urllib.error.HTTPError as answer:
        # The site itself answered; a proxy that refuses says 403, 407 or 5xx.
        return answer.code in (400, 404, 405)
    except OSError:
        return False


def download(url: str, to: Path, *, attempts: int = 3, pause: float = 2.0) -> None:
    """Fetch a file, whole or not at all. Raises: Failure after the last attempt."""
    part = to.with_name(f"{to.name}.part")
    to.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, attempts + 1):
        try:
            with urllib.request.urlopen(url, timeout=30) as answer, part.open("wb") as file:  # noqa: S310 - our own URLs
                shutil.copyfileobj(answer, file)
            part.replace(to)
            return
        except OSError as problem:
            part.unlink(missing_ok=True)
            if attempt == attempts:
                raise Failure(f"{url}: {problem}") from problem
            time.sleep(pause * 2 ** (attempt - 1))
