"""Debian packages for this machine, and its own settings of where packages come from."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.setup.shell import Failure, answers, run

_APT = threading.Lock()  # Two lanes may want a package at the same time; dpkg would refuse the second.
_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
_POLICY = Path("/usr/sbin/policy-rc.d")


def can_install() -> bool:
    """Whether this process may install Debian packages."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str], why: str) -> None:
    """Install packages, without recommended ones and without starting services. Raises: Failure if not root."""
    if not can_install():
        raise Failure(
            f"{why}; as root: apt-get install {' '.join(packages)} (or your system's packages of the same purpose)"
        )
    with _APT, _no_services():
        # The lists may be old or absent on a fresh machine, so an update comes first; a slow mirror gets more chances.
        run(["apt-get", "update", "-q"], env=_QUIET, timeout=300, attempts=3)
        options = ["-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
        run(["apt-get", "install", *options, *packages], env=_QUIET, timeout=900, attempts=3)


def known(package: str) -> bool:
    """Whether this machine's package lists hold the package."""
    text = answers(["apt-cache", "policy", package])
    return text is not None and "Candidate:" in text and "Candidate: (none)" not in text


@contextmanager
def _no_services() -> Iterator[None]:
    """Without systemd, an init script would start an engine that nobody looks after. With it, they start as usual."""
    if Path("/run/systemd/system").is_dir() or _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def archive(settings: Path = Path("/etc/apt")) -> str | None:
    """Where this machine's own apt gets Debian's main archive from; None on a machine that is not Debian."""
    addresses = [
        *_deb822((settings / "sources.list.d").glob("*.sources")),
        *_one_line([settings / "sources.list", *(settings / "sources.list.d").glob("*.list")]),
    ]
    for address in addresses:
        if address.rstrip("/").endswith("/debian"):
            return address.rstrip("/")
    return None


def proxy() -> str | None:
    """The HTTP proxy that this machine's apt uses, if any."""
    text = answers(["apt-config", "dump", "--format", "%v%n", "Acquire::http::Proxy"])
    return (text or "").strip() or None


def _deb822(files: Iterator[Path]) -> Iterator[str]:
    for file in sorted(files):
        for stanza in re.split(r"\n\s*\n", file.read_text()):
            fields = dict(re.findall(r"(?m)^([A-Za-z-]+):[ \t]*(.*)$", stanza))
            if fields.get("Enabled", "yes").strip().lower() != "no":
                yield from (word for word in fields.get("URIs", "").split() if word.startswith("http"))


def _one_line(files: Sequence[Path]) -> Iterator[str]:
    for file in files:
        if file.is_file():
            for line in file.read_text().splitlines():
                found = re.match(r"deb\s+(?:\[[^]]*\]\s+)?(http\S+)", line.strip())
                if found:
                    yield found.group(1)
