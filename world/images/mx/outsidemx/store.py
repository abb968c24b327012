"""The mail that arrived: raw messages as files, what is known about them in memory; bounded, oldest out first."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MAX_MESSAGES = 5000
MAX_BYTES = 512 * 1024 * 1024

Facts = dict[str, Any]


class Store:
    """Thread-safe; survives a restart of the container, for the folder is on a volume."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._changed = threading.Condition()
        self._messages: dict[str, Facts] = {}
        for path in sorted(self._folder.glob("*.json")):
            self._messages[path.stem] = json.loads(path.read_text(encoding="utf-8"))

    def add(self, raw: bytes, facts: Facts) -> Facts:
        """Keep one message; `facts` get its id, size and time of arrival."""
        identifier = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        kept = {"id": identifier, "size": len(raw), "received": time.time(), **facts}
        self._raw_path(identifier).write_bytes(raw)
        self._facts_path(identifier).write_text(json.dumps(kept), encoding="utf-8")
        with self._changed:
            self._messages[identifier] = kept
            self._shrink()
            self._changed.notify_all()
        return kept

    def find(self, wanted: Callable[[Facts], bool], wait: float = 0.0) -> list[Facts]:
        """Messages that match, oldest first; with `wait`, at most that many seconds for the first one to come."""
        deadline = time.monotonic() + wait
        with self._changed:
            while True:
                found = [facts for facts in self._messages.values() if wanted(facts)]
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                self._changed.wait(left)

    def raw(self, identifier: str) -> bytes | None:
        with self._changed:
            if identifier not in self._messages:
                return None
        return self._raw_path(identifier).read_bytes()

    def remove(self, wanted: Callable[[Facts], bool]) -> int:
        with self._changed:
            going = [identifier for identifier, facts in self._messages.items() if wanted(facts)]
            for identifier in going:
                self._drop(identifier)
        return len(going)

    def _shrink(self) -> None:
        size = sum(facts["size"] for facts in self._messages.values())
        for identifier in self._oldest():
            if len(self._messages) <= MAX_MESSAGES and size <= MAX_BYTES:
                return
            size -= self._messages[identifier]["size"]
            self._drop(identifier)

    def _oldest(self) -> Iterator[str]:
        return iter(list(self._messages))

    def _drop(self, identifier: str) -> None:
        del self._messages[identifier]
        self._raw_path(identifier).unlink(missing_ok=True)
        self._facts_path(identifier).unlink(missing_ok=True)

    def _raw_path(self, identifier: str) -> Path:
        return self._folder / f"{identifier}.eml"

    def _facts_path(self, identifier: str) -> Path:
        return self._folder / f"{identifier}.json"
