"""The virtual environment `.venv` in the tree: locked packages with hashes, and the project itself in editable form."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from scripts.setup import apt
from scripts.setup.paths import TREE, VENV, cache
from scripts.setup.shell import Failure, answers, run

LOCK = TREE / "requirements.lock"
PROJECT = TREE / "pyproject.toml"
# Wheels only, so that nothing is compiled here, but for these pure Python packages that come as source alone.
SOURCE_ONLY = ["--only-binary", ":all:", "--no-binary", "authheaders,authres,dkimpy,pyspf"]


def prepare() -> str:
    """Make or repair `.venv`, install what the lock names, install the project."""
    python = VENV / "bin" / "python"
    stamp = VENV / "mailtenant.stamp"
    wanted = _fingerprint()
    if (
        python.exists()
        and stamp.exists()
        and stamp.read_text() == wanted
        and answers([python, "-c", "import mailtenant"]) is not None
    ):
        return "up to date"
    _create(python)
    stamp.unlink(missing_ok=True)
    quiet = ["--disable-pip-version-check", "--no-input", "-q"]
    # PIP_USER in a shell's settings would send packages out of the environment.
    env = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    run([python, "-m", "pip", "install", *quiet, "--require-hashes", *SOURCE_ONLY, "-r", LOCK], env=env, attempts=3)
    run([python, "-m", "pip", "install", *quiet, "--no-build-isolation", "--no-deps", "-e", TREE], env=env)
    stamp.write_text(wanted)
    return "installed"


def _fingerprint() -> str:
    """What the environment is made of: lock, project file, interpreter, and the place (scripts hold its path)."""
    parts = [LOCK.read_bytes(), PROJECT.read_bytes(), sys.version.encode(), str(VENV).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _create(python: Path) -> None:
    if python.exists() and answers([python, "-m", "pip", "--version"], timeout=30) is not None and _runs_here(python):
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if answers([sys.executable, "-c", "import ensurepip, venv"]) is None:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        apt.install([version], "this Python has no venv module")
    run([sys.executable, "-m", "venv", VENV], timeout=300)
    if not python.exists():
        raise Failure(f"{VENV}: no interpreter after `{sys.executable} -m venv`; remove the folder and run again")


def _runs_here(python: Path) -> bool:
    """An environment copied from elsewhere, or of a Python that is gone or another version, is made anew."""
    text = answers([python, "-c", "import sys; print(sys.prefix, *sys.version_info[:2])"])
    major, minor = sys.version_info[:2]
    return text is not None and text.strip() == f"{VENV} {major} {minor}"


def lock() -> str:
    """Write requirements.lock anew from pyproject.toml: all platforms, hashes, no addresses. Needs uv from pip."""
    tools = cache() / "lock-tools"
    uv = tools / "bin" / "uv"
    if not uv.exists():
        run([sys.executable, "-m", "venv", tools], timeout=300)
        run([tools / "bin" / "pip", "install", "-q", "uv"], attempts=3)
    run(
        [
            uv, "pip", "compile", PROJECT.name, "--extra", "dev", "--extra", "test", "--universal",
            "--python-version", "3.11", "--no-emit-index-url", "--no-emit-find-links",
            "--generate-hashes", "--no-annotate", "--quiet",
            "--custom-compile-command", "python3 scripts/setup lock", "--output-file", LOCK.name,
        ],
        cwd=TREE,
        attempts=3,
    )  # fmt: skip
    return os.fspath(LOCK)
