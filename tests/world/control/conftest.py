"""The control plane on PostgreSQL, as in production."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailtenant.control.plane import ControlPlane
from tests.unit.control.planes import plane_for
from tests.world.control import postgresql


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgresql.server() as url:
        yield url


@pytest.fixture(scope="session")
def template(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a database with its schema, to be copied."""
    with postgresql.database(postgres) as address:
        plane_for(address, tmp_path_factory.mktemp("template")).close()
        yield address.rpartition("/")[2]


@pytest.fixture
def url(postgres: str, template: str) -> Iterator[str]:
    with postgresql.database(postgres, template) as address:
        yield address


@pytest.fixture
def plane(url: str, tmp_path: Path) -> Iterator[ControlPlane]:
    made = plane_for(url, tmp_path)
    yield made
    made.close()
