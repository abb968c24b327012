"""Stages of played moves, closed at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .stage import Stage

StageMaker = Callable[..., Stage]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[StageMaker]:
    made: list[Stage] = []

    def stage(**paces: float) -> Stage:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Stage(folder, **paces))
        return made[-1]

    yield stage
    for one in made:
        one.close()
