"""The interpreter of a language host that was built here: policy packs are started as the official host does it."""

import subprocess
from pathlib import Path

import pytest

from scripts.setup import language_host


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    """The script, and an interpreter that says how it was called."""
    language_host._write_shim(tmp_path)
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done; pwd\n', encoding="utf-8")
    python.chmod(0o755)
    return tmp_path / language_host.SHIM


def run(shim: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {"PATH": "/usr/bin:/bin", "MAILTENANT_PYTHON": str(shim.parent / "python"), **environment}
    return subprocess.run([str(shim), *words], env=settings, text=True, capture_output=True, check=False)


def test_an_empty_program_is_a_policy_pack(shim: Path, tmp_path: Path) -> None:
    pack = tmp_path / "a pack"
    pack.mkdir()
    done = run(shim, "", "127.0.0.1:4711", MAILTENANT_POLICY_PACK=str(pack))
    assert done.stdout.splitlines() == ["-u", "-m", "pulumi.policy", "127.0.0.1:4711", str(pack), str(pack)]


def test_without_a_pack_it_says_what_is_missing(shim: Path) -> None:
    done = run(shim, "", "127.0.0.1:4711")
    assert done.returncode == 1
    assert "MAILTENANT_POLICY_PACK" in done.stderr


@pytest.mark.parametrize("words", [("--version",), ("-m", "pip", "list"), ("program with space", "x")])
def test_everything_else_goes_to_the_interpreter_as_it_is(shim: Path, words: tuple[str, ...]) -> None:
    assert run(shim, *words).stdout.splitlines()[:-1] == list(words)
