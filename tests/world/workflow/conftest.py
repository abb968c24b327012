"""A PostgreSQL 17 server for the control plane, from the tree's own image."""

import subprocess
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from mailtenant.environment import tool_environment
from world.simulation import RELEASE

ADDRESS = "127.0.3.201"
SCRIPT = """
set -eu
data=/var/lib/postgresql/data/17
initdb -D $data -U control -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
echo 'host all all all trust' >>$data/pg_hba.conf
exec postgres -D $data -c listen_addresses='*' -c fsync=off -c unix_socket_directories=/tmp
"""


def docker(*arguments: str) -> str:
    done = subprocess.run(
        ["docker", *arguments], env=tool_environment(), capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of the server's first database; `postgresql` fixtures make their own beside it."""
    name = f"mt-test-control-{uuid.uuid4().hex[:6]}"
    docker(
        "run", "--detach", "--rm", "--init", "--no-healthcheck", f"--name={name}", "--entrypoint=sh", f"--publish={ADDRESS}::5432",
        f"mailtenant/database:{RELEASE.read_text(encoding='utf-8').strip()}", "-c", SCRIPT,
    )  # fmt: skip
    try:
        port = docker("port", name, "5432/tcp").rpartition(":")[2]
        url = f"postgresql://control@{ADDRESS}:{port}/postgres"
        _wait(url)
        yield url
    finally:
        docker("rm", "--force", "--volumes", name)


@pytest.fixture
def database(postgres: str) -> str:
    """URL of a database of the test's own."""
    name = f"c{uuid.uuid4().hex[:10]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{postgres.rpartition('/')[0]}/{name}"


def _wait(url: str) -> None:
    import time

    deadline = time.monotonic() + 300
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)  # between two looks of a poll with a deadline
