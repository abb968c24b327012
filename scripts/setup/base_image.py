"""The Debian that every image stands on: pulled, or made with debootstrap where no image registry can be reached."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

from scripts.setup import apt, engine
from scripts.setup.shell import Failure, answers, run

SUITE = "trixie"
OFFICIAL = f"debian:{SUITE}-slim"
LOCAL = f"mailtenant/debian:{SUITE}"
# Only makes images larger; the licences in usr/share/doc/*/copyright stay.
_NOT_NEEDED = ["var/lib/apt/lists", "var/cache/apt", "var/log", "usr/share/man", "usr/share/info", "usr/share/locale"]


def prepare() -> str:
    """Have `mailtenant/debian:trixie`."""
    env = engine.required().env
    if answers(["docker", "image", "inspect", LOCAL], env=env) is not None:
        return f"{LOCAL} is there"
    if answers(["docker", "image", "inspect", OFFICIAL], env=env) is not None or _pull(env):
        run(["docker", "tag", OFFICIAL, LOCAL], env=env)
        return f"{LOCAL} is {OFFICIAL}"
    _bootstrap(env)
    return f"{LOCAL} made with debootstrap ({OFFICIAL} cannot be pulled here)"


def _pull(env: dict[str, str]) -> bool:
    # A registry that cannot be reached is known in seconds; one that can gets the time that a slow line needs.
    # Where there is nothing to fall back to, the pull itself is the question.
    if apt.can_install() and answers(["docker", "manifest", "inspect", OFFICIAL], env=env, timeout=8) is None:
        return False
    return answers(["docker", "pull", "-q", OFFICIAL], env=env, timeout=600) is not None


def _bootstrap(env: dict[str, str]) -> None:
    missing = [name for name, file in _TOOLS.items() if shutil.which(file) is None and not Path(file).exists()]
    if missing:
        apt.install(missing, f"{OFFICIAL} cannot be pulled, and the tools to make it are missing")
    if not apt.can_install():
        raise Failure(f"{OFFICIAL} cannot be pulled, and only root on Debian can make it: docker pull {OFFICIAL}")
    mirror = apt.archive()
    proxy = apt.proxy()
    settings = {"http_proxy": proxy, "https_proxy": proxy} if proxy else {}
    # Under /var/tmp: /tmp may be mounted without devices, which debootstrap refuses.
    with tempfile.TemporaryDirectory(prefix="mailtenant-debian-", dir="/var/tmp") as made:
        root = Path(made) / "root"
        options = ["--variant=minbase", f"--keyring={_KEYRING}", "--include=ca-certificates"]
        for attempt in (1, 2, 3):
            shutil.rmtree(root, ignore_errors=True)
            try:
                run(["debootstrap", *options, SUITE, root, *([mirror] if mirror else [])], env=settings, timeout=900)
                break
            except Failure:
                if attempt == 3:
                    raise
        _slim(root)
        packed = Path(made) / "root.tar"
        with tarfile.open(packed, "w") as archive:
            archive.add(root, arcname=".", filter=_without_devices)
        run(["docker", "import", "--change", 'CMD ["bash"]', packed, LOCAL], env=env)


_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_TOOLS = {"debootstrap": "debootstrap", "debian-archive-keyring": _KEYRING}


def _slim(root: Path) -> None:
    for folder in _NOT_NEEDED:
        for entry in (root / folder).glob("*"):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    for entry in (root / "usr/share/doc").glob("*/*"):
        if entry.name != "copyright":
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    (root / "var/lib/apt/lists/partial").mkdir(parents=True, exist_ok=True)
    (root / "var/cache/apt/archives/partial").mkdir(parents=True, exist_ok=True)
    sources = root / "etc/apt/sources.list"
    mirror = sources.read_text().split()[1]  # `deb <address> trixie main`, as debootstrap wrote it.
    lines = [f"deb {mirror} {suite} main" for suite in (SUITE, f"{SUITE}-updates")]
    lines.append(f"deb {mirror.rstrip('/')}-security {SUITE}-security main")
    sources.write_text("\n".join(lines) + "\n")
    for machine_own in ("etc/hostname", "etc/resolv.conf"):
        (root / machine_own).unlink(missing_ok=True)


def _without_devices(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """The engine makes /dev itself."""
    return None if entry.isdev() or entry.name.startswith("./dev/") else entry
