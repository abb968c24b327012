"""The fleet as it is: each stack file compared with what its stack's last `up` by the fleet left behind.

The list of tenants is the folder of stack files; the backend is never enumerated.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import docker.errors

from mailtenant.dns.findings import PlanRefused
from mailtenant.fleet.inputs import OUTPUT, code_hash, input_hash
from mailtenant.fleet.leftovers import TENANT_LABEL, engine_client
from mailtenant.fleet.means import release_images
from mailtenant.fleet.stacks import StackError, TenantStack
from mailtenant.rendering import UnsafeValue
from mailtenant.settings import Problem, StackFile, check_fleet, load_fleet

State = Literal["new", "up", "down", "unknown"]
READERS: Final = 4


@dataclass(frozen=True)
class Surveyed:
    """One tenant. `state`: `new` was never up, `down` was taken down and keeps its mail, `unknown`: no engine answers.

    `unchanged`: an `up` would have nothing to do. `applied`: the release of the last `up` by a fleet; None: unknown.
    `refused`: why no `up` of it can succeed.
    """

    label: str
    release: str
    state: State
    unchanged: bool
    applied: str | None
    containers: int
    refused: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"label": self.label, "release": self.release, "applied": self.applied, "state": self.state,
                "unchanged": self.unchanged, "containers": self.containers, "refused": self.refused}  # fmt: skip


@dataclass(frozen=True)
class Survey:
    """Every tenant whose file loads, and the problems of the files together."""

    tenants: tuple[Surveyed, ...]
    problems: tuple[Problem, ...]


def survey(project: Path, progress: Callable[[int, int], None] = lambda *_: None) -> Survey:
    """Reads all stack files, the outputs of their stacks, and which containers run. `progress` gets (done, of)."""
    files, problems = load_fleet(project / "stacks")
    problems += check_fleet(files)
    code, running = code_hash(project), _running({file.settings.platform for file in files})
    images = cache(release_images)

    def one(stack_file: StackFile) -> Surveyed:
        return _surveyed(project, stack_file, code, images, running.get(stack_file.settings.platform))

    found: list[Surveyed] = []
    with ThreadPoolExecutor(READERS) as pool:
        for tenant in pool.map(one, files):
            found.append(tenant)
            progress(len(found), len(files))
    return Survey(tuple(found), tuple(problems))


def _surveyed(
    project: Path, stack_file: StackFile, code: str, images: Callable[[str, str], dict[str, str]],
    running: Counter[str] | None,
) -> Surveyed:  # fmt: skip
    settings = stack_file.settings
    outputs: dict[str, object] = {}
    try:
        outputs = TenantStack(project, settings.label).outputs()
        known = True
    except StackError as error:
        if "no stack named" not in error.output:
            raise
        known = False
    left = outputs.get(OUTPUT)
    left = left if isinstance(left, dict) else {}
    containers = running[settings.label] if running is not None else 0
    # A stack that was made and never came up has no outputs; one that was taken down lost them, and has volumes.
    state: State = "up" if outputs else "new"
    if running is None:
        state = "unknown"
    elif known and not containers and _has_volumes(settings.platform, settings.label):
        state = "down"
    try:
        wanted, refused = input_hash(stack_file, code, images(settings.platform, settings.release)), ""
    except (PlanRefused, UnsafeValue) as error:
        wanted, refused = "", str(error)
    unchanged = state == "up" and left.get("hash") == wanted
    applied = left.get("release")
    return Surveyed(
        settings.label, settings.release, state, unchanged, str(applied) if applied else None, containers, refused
    )


def _running(platforms: set[str]) -> dict[str, Counter[str]]:
    """Platform → label → running containers; a platform whose engine does not answer is left out."""
    found = {}
    for platform in platforms:
        try:
            client = engine_client(platform)
            listed: Sequence[Any] = client.api.containers(filters={"label": TENANT_LABEL})
            client.close()
        except docker.errors.DockerException:
            continue
        found[platform] = Counter(one["Labels"][TENANT_LABEL] for one in listed)
    return found


def _has_volumes(platform: str, label: str) -> bool:
    client = engine_client(platform)
    try:
        return bool(client.api.volumes(filters={"label": f"{TENANT_LABEL}={label}"})["Volumes"])
    finally:
        client.close()
