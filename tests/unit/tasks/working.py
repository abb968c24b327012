"""A worker of tasks as a program: `working.py URL FOLDER SYSTEM KILL_AT`; until it is ended."""

import sys
import threading
from pathlib import Path

from mailtenant.tasks.durable import TaskWorker
from tests.unit.control.planes import plane_for
from tests.unit.tasks.file_system import FileSystem


def main(url: str, folder: str, system: str, kill_at: str) -> None:
    plane = plane_for(url, Path(folder))
    TaskWorker(plane, FileSystem(Path(system), kill_at), tick=0.1, lease=2).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
