"""The Pulumi CLI of the pinned version: an installed one, Pulumi's own download, else built from its Go module."""

from __future__ import annotations

import os
import platform
import shutil
import tarfile
from pathlib import Path

from scripts.setup import go, network, versions
from scripts.setup.paths import cache
from scripts.setup.shell import Failure, answers

PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SITE = "get.pulumi.com"
_QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true"}


def prepare() -> str:
    """Have the CLI."""
    found = find()
    if found is not None:
        return f"v{versions.pulumi()} at {found}"
    if network.reachable(SITE):
        try:
            return f"downloaded to {_download(f'https://{SITE}/releases/sdk')}"
        except Failure as failure:
            reason = f"{SITE} did not deliver: {failure}"
    else:
        reason = f"{SITE} cannot be reached"
    flags = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{versions.pulumi()}"
    go.build("pulumi", PACKAGE, built() / "pulumi", flags)
    if not _is_right(built() / "pulumi"):
        raise Failure(f"{built() / 'pulumi'} was built but is not v{versions.pulumi()}; remove it and run again")
    return f"built from Go modules ({reason})"


def find() -> Path | None:
    """The CLI's folder, or None. A wrapper of this or another tree does not count, it only leads to a real one."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for folder in (*folders, Path.home() / ".pulumi" / "bin", downloaded(), built()):
        tool = folder / "pulumi"
        if tool.is_file() and not _is_script(tool) and _is_right(tool):
            return folder
    return None


def required() -> Path:
    """The CLI's folder, for steps that come after `prepare`."""
    found = find()
    if found is None:
        raise Failure(f"no pulumi v{versions.pulumi()}; run: python3 scripts/setup pulumi")
    return found


def built() -> Path:
    """Where the CLI and language host built here go."""
    return cache() / "pulumi" / f"v{versions.pulumi()}"


def downloaded() -> Path:
    """Where Pulumi's own download goes."""
    return cache() / "pulumi-download" / f"v{versions.pulumi()}" / "pulumi"


def _download(base: str) -> Path:
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system())
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine())
    if system is None or machine is None:
        raise Failure(f"no download for {platform.system()} on {platform.machine()}")
    home = downloaded().parent
    packed = home / "pulumi.tar.gz"
    network.download(f"{base}/pulumi-v{versions.pulumi()}-{system}-{machine}.tar.gz", packed)
    shutil.rmtree(downloaded(), ignore_errors=True)
    try:
        with tarfile.open(packed) as archive:
            archive.extractall(home, filter="data")
    except (tarfile.TarError, OSError, EOFError) as problem:
        raise Failure(f"{packed.name}: {problem}") from problem
    finally:
        packed.unlink(missing_ok=True)
    if not _is_right(downloaded() / "pulumi"):
        raise Failure(f"{downloaded()} does not hold pulumi v{versions.pulumi()}")
    return downloaded()


def _is_right(tool: Path) -> bool:
    return (answers([tool, "version"], env=_QUIET, timeout=20) or "").strip() == f"v{versions.pulumi()}"


def _is_script(tool: Path) -> bool:
    with tool.open("rb") as file:
        return file.read(2) == b"#!"
