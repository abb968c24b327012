"""The tunnel, with a stand-in for the `docker` client on PATH: carries octets, cleans up, keeps what docker said."""

import os
import socket
from pathlib import Path

import pytest

from mailtenant.accounts import AccountStore, AccountsUnavailable
from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.mail_store import mail_folder
from mailtenant.accounts.tunnel import PORT, Tunnel


def fake_docker(folder: Path, script: str) -> dict[str, str]:
    path = folder / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def test_a_connection_ends_in_the_database_container(tmp_path: Path) -> None:
    environment = fake_docker(tmp_path, f'echo "$@" >{tmp_path}/arguments; exec cat')
    with Tunnel("mt-acme-database", environment) as tunnel:
        folder = tunnel.folder
        assert folder.stat().st_mode & 0o777 == 0o700
        for _ in range(2):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(folder / f".s.PGSQL.{PORT}"))
                client.sendall(b"ping")
                assert client.recv(4) == b"ping"
    assert not folder.exists()
    arguments = (tmp_path / "arguments").read_text()
    assert arguments == "exec -i -u 5008:5008 mt-acme-database socat STDIO UNIX-CONNECT:/run/postgresql/.s.PGSQL.5432\n"


def test_a_deep_folder_for_temporary_files_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with Tunnel("mt-acme-database", fake_docker(tmp_path, "exec cat")) as tunnel:
        folder = tunnel.folder
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


@pytest.mark.parametrize(
    "script, message",
    [
        (
            "echo 'Error: No such container: mt-acme-database' >&2; exit 1",
            r"tenant acme is not up .* pulumi up -s acme",
        ),
        ("echo 'Error response from daemon: Container x is not running' >&2; exit 1", "is not running"),
        ("echo 'Cannot connect to the Docker daemon at unix:///x' >&2; exit 1", "no Docker engine answers"),
        ("echo '2026 socat[9] E connect: Connection refused' >&2; exit 1", "is not ready"),
    ],
)
def test_a_tenant_that_is_not_up_is_named_with_the_fix(tmp_path: Path, script: str, message: str) -> None:
    engine = TenantEngine("acme", "mt-acme", fake_docker(tmp_path, script))
    with pytest.raises(AccountsUnavailable, match=message), AccountStore(engine):
        pass


def test_a_missing_docker_client_is_named(tmp_path: Path) -> None:
    engine = TenantEngine("acme", "mt-acme", {"PATH": str(tmp_path)})
    with pytest.raises(AccountsUnavailable, match="`docker` client is not on PATH"), AccountStore(engine):
        pass


@pytest.mark.parametrize(
    "address", ["../../etc@acme.test", "jo@../acme.test", "Jo@acme.test", "jo+x@acme.test", "*@acme.test", ""]
)
def test_a_mail_folder_never_leads_elsewhere(address: str) -> None:
    with pytest.raises(Exception, match=r"\S"):
        mail_folder(address)


def test_a_mail_folder_is_below_the_volume() -> None:
    assert mail_folder("o'brien@acme.test") == "/var/vmail/acme.test/o'brien"
