"""images/base/stage-secrets: copies what is asked for, with owner and mode, or says what is missing."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from pathlib import Path

import pytest

STAGE = Path(__file__).parents[3] / "images" / "base" / "stage-secrets"
ME = f"{pwd.getpwuid(os.getuid()).pw_name}:{grp.getgrgid(os.getgid()).gr_name}"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "tls.key").write_text("the key\n")
    (folder / "empty").write_text("")
    return folder


def stage(secrets: Path, to: Path, *wanted: str) -> subprocess.CompletedProcess[str]:
    settings = {"MAILTENANT_SECRETS_IN": str(secrets), "MAILTENANT_SECRETS": str(to)}
    return subprocess.run(
        ["sh", STAGE, *wanted],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )


def test_a_secret_arrives_with_its_mode(secrets: Path, tmp_path: Path) -> None:
    done = stage(secrets, tmp_path / "out", f"tls.key:{ME}:0440")
    assert done.returncode == 0, done.stderr
    staged = tmp_path / "out" / "tls.key"
    assert staged.read_text() == "the key\n"
    assert staged.stat().st_mode & 0o777 == 0o440
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o711


def test_staging_again_replaces(secrets: Path, tmp_path: Path) -> None:
    stage(secrets, tmp_path / "out", f"tls.key:{ME}:0400")
    (secrets / "tls.key").write_text("another\n")
    assert stage(secrets, tmp_path / "out", f"tls.key:{ME}:0400").returncode == 0
    assert (tmp_path / "out" / "tls.key").read_text() == "another\n"


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_missing_or_empty_secret_is_named(secrets: Path, tmp_path: Path, name: str) -> None:
    done = stage(secrets, tmp_path / "out", f"{name}:{ME}:0400")
    assert done.returncode == 1
    assert f"/{name} is missing or empty" in done.stderr
    assert not (tmp_path / "out" / name).exists()


@pytest.mark.parametrize("wanted", ["tls.key", "tls.key:root", f"tls.key:{ME}", f"tls.key:{ME}:0400:more"])
def test_a_wrong_request_is_refused(secrets: Path, tmp_path: Path, wanted: str) -> None:
    done = stage(secrets, tmp_path / "out", wanted)
    assert done.returncode == 2
    assert "NAME:OWNER:GROUP:MODE" in done.stderr
