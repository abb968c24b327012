"""A PostgreSQL 17 for the control plane: one container from the tree's database image, one database a test."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from docker.errors import NotFound

from mailtenant import __version__
from mailtenant.fleet.leftovers import engine_client
from tests.world.tenants import eventually

NAME, ADDRESS, PORT = "mailtenant-test-control-database", "127.0.4.1", 25432
START = (
    'set -eu; d=/tmp/data; umask 077; printf %s "$PASSWORD" >/tmp/password; '
    "initdb -D $d -U postgres -E UTF8 --locale=C.UTF-8 --auth=scram-sha-256 --pwfile=/tmp/password >/dev/null; "
    "echo 'host all all all scram-sha-256' >>$d/pg_hba.conf; "
    "exec postgres -D $d -c listen_addresses='*' -c unix_socket_directories=/tmp -c max_connections=200 "
    "-c shared_buffers=32MB -c fsync=off"
)


@contextmanager
def server() -> Iterator[str]:
    """The address of its maintenance database, password included; the container is gone afterwards."""
    client = engine_client()
    _remove(client)
    password = secrets.token_hex(16)
    client.containers.run(
        f"mailtenant/database:{__version__}", ["-c", START], entrypoint="/bin/sh", name=NAME, detach=True, init=True,
        environment={"PASSWORD": password}, user="5008:5008", tmpfs={"/tmp": "uid=5008,gid=5008,mode=0700"},
        ports={"5432/tcp": (ADDRESS, PORT)}, healthcheck={"test": ["NONE"]},
    )  # fmt: skip
    try:
        url = f"postgresql://postgres:{password}@{ADDRESS}:{PORT}/postgres"
        eventually(lambda: _answers(url), seconds=60, what="PostgreSQL answers")
        yield url
    finally:
        _remove(client)


@contextmanager
def database(server_url: str, template: str = "template1") -> Iterator[str]:
    """A fresh database, a copy of `template`; dropped afterwards, whoever is still connected."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield server_url.rpartition("/")[0] + f"/{name}"
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _remove(client: object) -> None:
    with suppress(NotFound):
        client.containers.get(NAME).remove(force=True, v=True)  # type: ignore[attr-defined]
