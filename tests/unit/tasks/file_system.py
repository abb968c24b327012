"""A played mail system in a file, so that several processes see the same; told to, it kills its process."""

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mailtenant.dns.records import Record
from mailtenant.dns.verify import Result
from mailtenant.migration import Side
from mailtenant.tasks.systems import Found


@dataclass
class FileSystem:
    """`path`: a line a call. `kill_at`: a call that is noted, carried out, and then ends the process by SIGKILL."""

    path: Path
    kill_at: str = ""

    def of(self, label: str, serving: Side) -> "FileSystem":
        return self

    @property
    def calls(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

    def mailboxes(self) -> Sequence[Found]:
        return [Found(json.loads(line[4:]), "") for line in self.calls if line.startswith("box ")]

    def add(self, address: str, name: str, password_hash: str) -> None:
        if address not in {found.address for found in self.mailboxes()}:
            self._note(f"box {json.dumps(address)}")
        self._note(f"hash {password_hash[:10]}")
        self._die(f"add {address}")

    def set_password(self, address: str, password_hash: str) -> None:
        self._note(f"password {address}")

    def remove(self, address: str, *, delete_mail: bool) -> None:
        lines = [line for line in self.calls if line != f"box {json.dumps(address)}"]
        self.path.write_text("".join(f"{line}\n" for line in lines))

    def domains_allowed(self) -> int | None:
        return None

    def plan(self, domain: str) -> Sequence[Record]:
        return []

    def push(self, domain: str) -> str:
        self._note(f"push {domain}")
        self._die(f"push {domain}")
        return "written"

    def verify(self, domain: str) -> Sequence[Result]:
        return [Result(f"{domain} MX", "server", "wrong" if domain.startswith("bad") else "ok", "said", "fix")]

    def clean(self, domain: str) -> str:
        return "taken back"

    def _note(self, line: str) -> None:
        with self.path.open("a") as file:
            file.write(line + "\n")

    def _die(self, call: str) -> None:
        if call == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
