"""Fixtures of the embedded control plane: SQLite in a folder of its own. A conftest takes what its tests want."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailtenant.control.plane import ControlPlane
from tests.unit.control.planes import plane_for


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its schema: copied, since Alembic's way up takes most of a second."""
    folder = tmp_path_factory.mktemp("template")
    made = plane_for(f"sqlite:///{folder / 'control.db'}", folder)
    made.close()
    return folder / "control.db"


@pytest.fixture
def url(tmp_path: Path, template: Path) -> str:
    shutil.copy(template, tmp_path / "control.db")
    return f"sqlite:///{tmp_path / 'control.db'}"


@pytest.fixture
def plane(url: str, tmp_path: Path) -> Iterator[ControlPlane]:
    made = plane_for(url, tmp_path)
    yield made
    made.close()
