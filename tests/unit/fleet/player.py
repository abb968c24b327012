"""A worker whose tenants are played: run as a process of its own, so that it can be killed.

`python -m tests.unit.fleet.player DATABASE_URL FOLDER begin|resume|work [label…]`

What it did is in FOLDER/log, one line an act: `<begin|end> <label> <what> <pid>`. A file FOLDER/slow-<label> makes its
`up` last until that file is gone; FOLDER/unwell-<label> makes its probe fail; FOLDER/locked-<label> says it is locked.
"""

import os
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from mailtenant.control.database import Database
from mailtenant.fleet.carry import Locked
from mailtenant.fleet.journal import FleetError, Journal, Planned
from mailtenant.fleet.waves import parse_waves, plan_waves
from mailtenant.fleet.worker import begin, worker


class Played:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def note(self, *words: str) -> None:
        with open(self.folder / "log", "a") as file:
            file.write(" ".join((*words, str(os.getpid()))) + "\n")

    def release(self, label: str) -> str:
        path = self.folder / f"release-{label}"
        return path.read_text() if path.exists() else "old"

    def fingerprint(self, label: str) -> str:
        return "edited" if (self.folder / f"edited-{label}").exists() else "planned"

    def set_release(self, label: str, release: str) -> None:
        (self.folder / f"release-{label}").write_text(release)

    def up(self, label: str) -> Mapping[str, int]:
        if (self.folder / f"locked-{label}").exists():
            raise Locked("the lock is stale; clear it", ends_by_itself=False)
        self.note("begin", label, "up")
        (self.folder / f"reached-{label}").touch()
        while (self.folder / f"slow-{label}").exists():
            time.sleep(0.05)
        self.note("end", label, f"up:{self.release(label)}")
        return {"update": 1}

    def unwell(self, label: str) -> str:
        broken = (self.folder / f"unwell-{label}").exists() and self.release(label) != "old"
        return "login on 993 (IMAP): refused" if broken else ""


def main() -> int:
    url, folder, command, *labels = sys.argv[1:]
    database = Database(url)
    database.upgrade()
    journal = Journal(database)
    if command == "begin":
        waves = plan_waves(labels, parse_waves("1,2,rest"))
        planned = [Planned(label, i, "planned", "old") for i, wave in enumerate(waves) for label in wave]
        number = journal.begin(planned, "new", {"budget": 0, "concurrency": 2}, "a test")
    else:
        view = journal.latest()
        assert view is not None
        number = view.id
        if command == "resume":
            journal.reopen(number)
    with worker(database, Played(Path(folder)), concurrency=2, lease=timedelta(seconds=4)) as me:
        begin(me, number)
        end = me.follow(number, lambda _: None, pause=0.1)
    return 0 if end.state == "done" else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FleetError as error:
        sys.exit(f"refused: {error}")
