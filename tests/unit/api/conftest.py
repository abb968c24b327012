"""The API in this process on SQLite, with a mail system in memory behind it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailtenant.control.plane import ControlPlane
from tests.unit.api.service import Service, service
from tests.unit.control.planes import plane_for


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    plane_for(f"sqlite:///{folder / 'control.db'}", folder).close()
    return folder / "control.db"


@pytest.fixture
def plane(tmp_path: Path, template: Path) -> Iterator[ControlPlane]:
    shutil.copy(template, tmp_path / "control.db")
    made = plane_for(f"sqlite:///{tmp_path / 'control.db'}", tmp_path, rate_key="100000/minute")
    yield made
    made.close()


@pytest.fixture
def api(plane: ControlPlane) -> Iterator[Service]:
    with service(plane) as made:
        yield made
