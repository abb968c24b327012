"""The program reads its own stack's outputs while the engine saves that stack's state."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .scratch import CommandFailed, ScratchStack

# The engine writes the file of attributes in two steps, emptied and then filled. The program holds it between the two
# (`SECONDS`), which else lasts microseconds: as the engine's writer does, in place.
PROGRAM = """
import json, os, pathlib, threading, time, pulumi
import components.last_state
P = json.loads(pathlib.Path(__file__).with_name("parameters.json").read_text())
if P["HALF"] is not None:
    state = pathlib.Path(os.environ["PULUMI_BACKEND_URL"].removeprefix("file://"))
    attributes, = state.rglob("s.json.attrs")
    whole = attributes.read_text()
    attributes.write_text(whole[:P["HALF"]])
    def finish():
        time.sleep(P["SECONDS"])
        attributes.write_text(whole)
    threading.Thread(target=finish).start()
before = components.last_state.last_outputs()
pulumi.export("seen", P["SEEN"])
pulumi.export("before", before.get("seen"))
"""


@pytest.mark.parametrize("half", [0, 20], ids=["nothing written yet", "half a document"])
def test_a_state_that_is_just_being_saved_is_read_once_it_is_whole(
    bare_stack: Callable[[str], ScratchStack], half: int
) -> None:
    stack = bare_stack(PROGRAM)
    stack.up(SEEN=1, HALF=half, SECONDS=0.7)
    assert stack.outputs() == {"seen": 1}
    stack.up(SEEN=2, HALF=half, SECONDS=0.7)
    assert stack.outputs() == {"seen": 2, "before": 1}


def test_another_failure_to_read_the_state_ends_the_run_at_once(bare_stack: Callable[[str], ScratchStack]) -> None:
    stack = bare_stack("import pulumi\npulumi.get_stack = lambda: 'no-such-stack'\n" + PROGRAM)
    with pytest.raises(CommandFailed, match="no-such-stack"):
        stack.up(SEEN=1, HALF=None, SECONDS=0)
