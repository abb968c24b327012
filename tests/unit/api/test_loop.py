"""The tight loop on SQLite; on PostgreSQL in tests/world/control."""

from pathlib import Path

import pytest

from tests.unit.api.loop_cases import LoopCases


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where the fixture `plane` keeps its database."""
    return f"sqlite:///{tmp_path / 'control.db'}"


class TestLoop(LoopCases):
    pass
