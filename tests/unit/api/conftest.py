"""The API in this process on SQLite, with a mail system in memory behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailtenant.control.plane import ControlPlane
from tests.unit.api.service import Service, service
from tests.unit.control.embedded import template, url
from tests.unit.control.planes import plane_for

__all__ = ["api", "plane", "template", "url"]


@pytest.fixture
def plane(url: str, tmp_path: Path) -> Iterator[ControlPlane]:
    made = plane_for(url, tmp_path, rate_key="100000/minute")
    yield made
    made.close()


@pytest.fixture
def api(plane: ControlPlane) -> Iterator[Service]:
    with service(plane) as made:
        yield made
