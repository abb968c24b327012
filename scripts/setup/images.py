"""Builds every folder of images/ (and world/images/) that changed since its image was built."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scripts.setup import apt, base_image, engine
from scripts.setup.paths import TREE
from scripts.setup.shell import Failure, answers, run
from scripts.setup.steps import say

BASE = f"mailtenant/base:{base_image.SUITE}"
LABEL = "mailtenant.source"


@dataclass(frozen=True)
class Image:
    """A folder with a Dockerfile, the name of its image, and the image that it stands on."""

    folder: Path
    tag: str
    parent: str


def release() -> str:
    """The tag of the service images."""
    return (TREE / "images" / "RELEASE").read_text().strip()


def base() -> Image:
    return Image(TREE / "images" / "base", BASE, base_image.LOCAL)


def services(tree: Path = TREE) -> list[Image]:
    """Every image but the base, in the order of their names."""
    found = []
    for place, prefix in (("images", "mailtenant/"), ("world/images", "mailtenant/world-")):
        for file in sorted((tree / place).glob("*/Dockerfile")):
            if file.parent != tree / "images" / "base":
                found.append(Image(file.parent, f"{prefix}{file.parent.name}:{release()}", BASE))
    return found


def prepare_base() -> str:
    """Have `mailtenant/base:trixie`."""
    return "built" if _build(base(), engine.required().env) else "up to date"


def prepare() -> str:
    """Have all service images."""
    env = engine.required().env
    images = services()
    # Two at a time: one waits for packages, another unpacks. More would only fight for a small machine's processors.
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda image: _attempt(image, env), images))
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if failures:
        raise Failure("\n  ".join(map(str, failures)))
    built = [image.folder.name for image, outcome in zip(images, outcomes, strict=True) if outcome]
    return f"built {', '.join(built)}" if built else f"{len(images)} images up to date"


def _attempt(image: Image, env: dict[str, str]) -> bool | Failure:
    try:
        return _build(image, env)
    except Failure as failure:
        return Failure(f"{image.folder.relative_to(TREE)}: {failure}")


def source_hash(folder: Path, parent_id: str) -> str:
    """What an image is made of: names, contents and executable bits of the folder's files, and the parent's id."""
    digest = hashlib.sha256(parent_id.encode())
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        if "__pycache__" in file.parts:
            continue
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"\0{file.relative_to(folder).as_posix()}\0{os.access(file, os.X_OK)}\0{content}".encode())
    return digest.hexdigest()


def _build(image: Image, env: dict[str, str]) -> bool:
    parent = answers(["docker", "image", "inspect", "--format", "{{.Id}}", image.parent], env=env)
    if parent is None:
        raise Failure(f"the image {image.parent} is missing; run: python3 scripts/setup")
    source = source_hash(image.folder, parent.strip())
    label = f'{{{{index .Config.Labels "{LABEL}"}}}}'
    if (answers(["docker", "image", "inspect", "--format", label, image.tag], env=env) or "").strip() == source:
        return False
    say(f"setup: building {image.tag}")
    replaced = answers(["docker", "image", "inspect", "--format", "{{.Id}}", image.tag], env=env)
    command = [
        "docker",
        "build",
        "-q",
        "--force-rm",
        "--network",
        "host",
        "--label",
        f"{LABEL}={source}",
        "--tag",
        image.tag,
    ]
    proxy = apt.proxy()
    if proxy:
        command += ["--build-arg", f"http_proxy={proxy}"]
    # The layers' cache makes a further attempt start where the last one failed.
    run([*command, image.folder], env={**env, **_builder(env)}, timeout=1500, attempts=4, pause=3)
    if replaced is not None:  # Fails where a container still runs on it, or it has another name: then it stays.
        answers(["docker", "image", "rm", replaced.strip()], env=env)
    return True


def _builder(env: dict[str, str]) -> dict[str, str]:
    """A docker command without the buildx plugin can only use the classic builder."""
    return {"DOCKER_BUILDKIT": "0"} if answers(["docker", "buildx", "version"], env=env) is None else {}
