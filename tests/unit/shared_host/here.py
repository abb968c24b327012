"""A runner in this very machine: the programs for a mail host run here, with pretended daemons."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mailtenant.runner import Done, Stdin


@dataclass
class Here:
    """`folder`: its `bin` comes first on PATH, and `calls` in it has a line a call of a pretended program."""

    folder: Path
    name: str = "here"

    def argv(self, command: Sequence[str]) -> list[str]:
        return list(command)

    def run(self, command: Sequence[str], *, stdin: Stdin = b"", seconds: float = 60) -> Done:
        given = stdin() if callable(stdin) else stdin
        done = subprocess.run(list(command), input=given, env=self._environment, capture_output=True, timeout=seconds)
        return Done(done.returncode, done.stdout, done.stderr.decode())

    def start(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=self._environment,
        )  # fmt: skip

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}

    def pretend(self, program: str, script: str = "") -> None:
        """A program that notes its call and goes on as the shell script says."""
        file = self.folder / "bin" / program
        file.parent.mkdir(exist_ok=True)
        note = f'printf "%s\\n" "{program} $*" >>"{self.folder}/calls"'
        file.write_text(f"#!/bin/sh\n{note}\n{script}\n")
        file.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []
