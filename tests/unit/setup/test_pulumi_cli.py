"""Where the Pulumi CLI comes from: one that is there, a download, and what a bad download does."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.setup import network, pulumi_cli, versions
from scripts.setup.shell import Failure

CLI = f"#!/bin/sh\necho v{versions.pulumi()}\n"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAILTENANT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(pulumi_cli, "platform", _Platform)
    return tmp_path / "cache"


class _Platform:
    """The machine that the archive in these tests is for."""

    @staticmethod
    def system() -> str:
        return "Linux"

    @staticmethod
    def machine() -> str:
        return "x86_64"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A stand-in for Pulumi's site: its address and its folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


def publish(folder: Path, script: str) -> None:
    with tarfile.open(folder / f"pulumi-v{versions.pulumi()}-linux-x64.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("pulumi/pulumi")
        entry.mode, entry.size = 0o755, len(script)
        archive.addfile(entry, io.BytesIO(script.encode()))


def test_the_official_archive_is_unpacked_into_the_cache(site: tuple[str, Path], cache: Path) -> None:
    publish(site[1], CLI)
    assert pulumi_cli._download(site[0]) == cache / "pulumi-download" / f"v{versions.pulumi()}" / "pulumi"
    assert (pulumi_cli.downloaded() / "pulumi").read_text() == CLI
    assert not list(cache.rglob("*.tar.gz*"))


def test_an_archive_of_another_version_is_refused(site: tuple[str, Path]) -> None:
    publish(site[1], "#!/bin/sh\necho v1.0.0\n")
    with pytest.raises(Failure, match=r"does not hold pulumi v"):
        pulumi_cli._download(site[0])


def test_a_page_in_place_of_the_archive_is_refused(site: tuple[str, Path]) -> None:
    (site[1] / f"pulumi-v{versions.pulumi()}-linux-x64.tar.gz").write_text("<html>please log in</html>")
    with pytest.raises(Failure, match=r"pulumi\.tar\.gz"):
        pulumi_cli._download(site[0])


def test_a_failed_download_leaves_nothing(site: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(Failure, match="404"):
        network.download(f"{site[0]}/absent", tmp_path / "file", attempts=2, pause=0.01)
    assert not list(tmp_path.glob("file*"))


def test_a_wrapper_on_the_path_is_not_taken_for_the_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").write_text(CLI)
    (tmp_path / "bin" / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert pulumi_cli.find() is None


def test_a_port_where_nobody_listens_is_unreachable_within_seconds(site: tuple[str, Path]) -> None:
    host, port = site[0].removeprefix("http://").split(":")
    assert network.reachable(host, int(port))
    assert not network.reachable("host.invalid")
