"""Runs commands: output to the log file, retries with back-off, and one readable error."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.setup.paths import log_file


class Failure(Exception):
    """Setup cannot go on: the text says what, where and the fix."""


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 1800,
    attempts: int = 1,
    pause: float = 2.0,
    stdin: bytes | None = None,
) -> str:
    """Run a command and give its standard output.

    `env` is added to this process's environment. With `attempts` above one the command is tried again after `pause`,
    2 × `pause`, … seconds: downloads fail now and then. Raises: Failure with the last lines of the output.
    """
    words = [str(word) for word in command]
    for attempt in range(1, attempts + 1):
        problem, output = _once(words, cwd, env, timeout, stdin)
        if problem is None:
            return output
        if attempt < attempts:
            time.sleep(pause * 2 ** (attempt - 1))
    raise Failure(f"{' '.join(words[:6])}: {problem}; all output: {log_file()}")


def answers(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, timeout: float = 10) -> str | None:
    """The output of a quick question to a tool, or None when it fails, hangs or is missing."""
    words = [str(word) for word in command]
    problem, output = _once(words, None, env, timeout, None)
    return output if problem is None else None


def _once(
    words: list[str], cwd: Path | None, env: Mapping[str, str] | None, timeout: float, stdin: bytes | None
) -> tuple[str | None, str]:
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            timeout=timeout,
            input=stdin if stdin is not None else b"",
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return "not found", ""
    except PermissionError:
        return "not executable", ""
    except subprocess.TimeoutExpired as slow:
        output, errors = _text(slow.stdout), _text(slow.stderr)
        _log(words, f"no end after {timeout:.0f} s", output, errors)
        return f"no end after {timeout:.0f} s", output
    output, errors = _text(done.stdout), _text(done.stderr)
    _log(words, f"exit {done.returncode}", output, errors)
    if done.returncode == 0:
        return None, output
    tail = [line for line in (errors.strip() or output.strip()).splitlines() if line.strip()][-3:]
    return f"exit {done.returncode}: {' | '.join(tail)}", output


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")


def _log(words: list[str], end: str, output: str, errors: str) -> None:
    path = log_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(words)}\n{output}{errors}[{end}]\n")
