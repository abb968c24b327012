"""`python -m world.moving.worker`: `mailtenant migrate run` on the clock of a played move.

It loads its modules, then waits for its orders (JSON on stdin) before it opens anything.
"""

import json
import logging
import os
import sys
from pathlib import Path

from mailtenant.control.plane import open_plane
from mailtenant.workers.deadman import DeadMan
from mailtenant.workflow.real.moves import PlaceSettings, RealMoves
from mailtenant.workflow.settings import WorkflowSettings
from mailtenant.workflow.worker import Worker, stop_on_signals
from world.moving.office import clock, control_settings
from world.moving.scene import Scene
from world.moving.standing import StandingMoves


def main() -> None:
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if not (orders := sys.stdin.read()):
        return  # nobody called for it
    told = json.loads(orders)
    scene = Scene(Path(told["folder"]), **told["scene"])
    plane = open_plane(control_settings(scene, told["url"]), now=clock(scene.folder))
    places = PlaceSettings.from_environment()
    standing = StandingMoves(plane, scene.project, places, scene.folder)
    moves = standing if scene.standing else RealMoves(plane, scene.project, places)
    worker = Worker(plane, WorkflowSettings.from_environment(), moves, deadman=DeadMan())
    stop_on_signals(worker)
    code = worker.run()
    plane.close()
    os._exit(code)


if __name__ == "__main__":
    main()
