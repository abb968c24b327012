"""A Pulumi program with given numbers of Docker resources and no code of ours, in a project of its own."""

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.commands import run

LABEL = "be-plain"
IMAGE = "mailtenant/base:trixie"
KINDS = {
    "docker:index/container:Container": "container",
    "docker:index/network:Network": "network",
    "docker:index/remoteImage:RemoteImage": "image",
    "docker:index/volume:Volume": "volume",
}
PROGRAM = """\
import pulumi
import pulumi_docker as docker

engine = pulumi.ResourceOptions(provider=docker.Provider("engine"))
label = {{"label": "{label}", "value": "1"}}
images = [docker.RemoteImage(f"i{{n}}", name="{image}", keep_locally=True, opts=engine) for n in range({images})]
for n in range({networks}):
    subnet = [{{"subnet": f"10.90.8.{{n * 16}}/28"}}]
    docker.Network(f"n{{n}}", name=f"{label}-{{n}}", ipam_configs=subnet, labels=[label], opts=engine)
for n in range({volumes}):
    docker.Volume(f"v{{n}}", name=f"{label}-{{n}}", labels=[label], opts=engine)
for n in range({containers}):
    docker.Container(
        f"c{{n}}",
        name=f"{label}-{{n}}",
        image=images[0].image_id,
        start=False,
        must_run=False,
        labels=[label],
        opts=engine,
    )
"""


def resource_counts(export: str) -> dict[str, int]:
    """Docker resources by type in what `pulumi stack export` printed; providers and components do not count."""
    resources = json.loads(export)["deployment"]["resources"]
    return dict(Counter(one["type"] for one in resources if one["type"].startswith("docker:")))


def program(counts: Mapping[str, int]) -> str:
    """Raises: ValueError for a type that it cannot make."""
    if unknown := set(counts) - set(KINDS):
        raise ValueError(f"no plain form of {', '.join(sorted(unknown))}; add it to bench/plain_program.py")
    numbers = {f"{name}s": counts.get(kind, 0) for kind, name in KINDS.items()}
    return PROGRAM.format(label=LABEL, image=IMAGE, **numbers)


class PlainProgram:
    """The program, up; everything it made is removed at the end."""

    def __init__(self, client: Any, environment: Mapping[str, str], counts: Mapping[str, int]) -> None:
        self._client = client
        self._folder = tempfile.TemporaryDirectory(prefix="mailtenant-bench-")
        self._project = Path(self._folder.name) / "plain"
        backend = Path(self._folder.name) / "backend"
        backend.mkdir()
        self._project.mkdir()
        (self._project / "Pulumi.yaml").write_text("name: plain\nruntime: python\n", encoding="utf-8")
        (self._project / "__main__.py").write_text(program(counts), encoding="utf-8")
        self._environment = {**environment, "PULUMI_BACKEND_URL": f"file://{backend}"}

    def up(self) -> None:
        self._pulumi("up", "--yes", "--skip-preview", "--suppress-outputs")

    def _pulumi(self, *arguments: str) -> None:
        run(
            ["pulumi", *arguments, "--stack", LABEL, "--non-interactive", "--color", "never"],
            self._environment,
            self._project,
        )

    def __enter__(self) -> Self:
        try:
            self._remove()
            self._pulumi("stack", "init")
            self.up()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()
        self._folder.cleanup()

    def _remove(self) -> None:
        wanted = {"label": LABEL}
        for container in self._client.containers.list(all=True, filters=wanted):
            container.remove(force=True)
        for kind in (self._client.networks, self._client.volumes):
            for found in kind.list(filters=wanted):
                found.remove()
