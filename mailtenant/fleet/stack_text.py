"""The text of a stack file: one editor at a time, each change put in place in one step, comments kept.

All stack files of a folder are one lock: an edit reads the others to judge the new one, and a new tenant takes the free
addresses that they leave. The lock is the kernel's, on the folder: it ends with its process, however that ends. People
and `pulumi config set` by hand do not ask for it.
"""

import fcntl
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

_WIDTH: Final = 4096
_mine = threading.local()


@contextmanager
def only_editor(folder: Path, waits: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Nobody else edits stack files of `folder` meanwhile. `waits` is called if somebody does now. A thread that is the
    editor already stays it."""
    held: set[Path] = _mine.__dict__.setdefault("held", set())
    folder = folder.resolve()
    if folder in held:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        held.add(folder)
        yield
    finally:
        held.discard(folder)
        os.close(descriptor)


@contextmanager
def editing(path: Path) -> Iterator[str]:
    """One edit of a stack file, in as many writes as it takes, as its only editor. Gives the text before; the file has
    it again if the edit fails."""
    with only_editor(path.parent):
        before = path.read_text(encoding="utf-8")
        try:
            yield before
        except BaseException:
            if path.read_text(encoding="utf-8") != before:
                replace_text(path, before)
            raise


def with_config(text: str, change: Callable[[Any], None]) -> str:
    """The stack file's text after `change` of its `config` table."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    change(document["config"])
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def replace_text(path: Path, text: str) -> None:
    """In one step and on the disk: a crash leaves the old file or the new one."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
