"""How a rollout acts on real tenants: stack files, Pulumi, the engine, the probe."""

from collections.abc import Callable, Mapping
from pathlib import Path

import docker.errors

from mailtenant.fleet.carry import Locked, StepFailed
from mailtenant.fleet.health import unwell
from mailtenant.fleet.inputs import OUTPUT, input_hash
from mailtenant.fleet.leftovers import engine_client
from mailtenant.fleet.provider_limits import calls
from mailtenant.fleet.release import fingerprint, set_release
from mailtenant.fleet.stack_pool import Run, StackPool
from mailtenant.settings import SettingsErrors, StackFile, load_stack_file

Tell = Callable[[str, str], None]


class RealMeans:
    """`Means` for the project's tenants. `tell` gets (label, line) while something goes on."""

    def __init__(
        self, project: Path, pool: StackPool, code: str, *,
        refresh: bool = False, probe: bool = True, tell: Tell = lambda *_: None,
    ) -> None:  # fmt: skip
        self._project, self._pool, self._code = project, pool, code
        self._refresh, self._probe, self._tell = refresh, probe, tell

    def fingerprint(self, label: str) -> str:
        try:
            return fingerprint(self._path(label).read_text(encoding="utf-8"))
        except OSError as error:
            raise StepFailed(f"its stack file cannot be read: {error.strerror}") from None

    def set_release(self, label: str, release: str) -> None:
        try:
            set_release(self._path(label), release)
        except SettingsErrors as error:
            raise StepFailed(str(error)) from None

    def up(self, label: str) -> Mapping[str, int]:
        stack_file = self._load(label)
        release = stack_file.settings.release
        images = release_images(stack_file.settings.platform, release)
        if not images:
            raise StepFailed(f"its engine has no image of release {release}; build or load them there first")
        exports = {OUTPUT: {"hash": input_hash(stack_file, self._code, images), "release": release}}
        ran = self._pool.run(Run(label, refresh=self._refresh, exports=exports, calls=calls(stack_file)))
        if ran.locked:
            raise Locked(ran.error, ends_by_itself=ran.ends_by_itself)
        if ran.error:
            raise StepFailed(ran.error)
        return ran.counts

    def unwell(self, label: str) -> str:
        if not self._probe:
            return ""
        return unwell(self._load(label).settings, lambda line: self._tell(label, line))

    def _path(self, label: str) -> Path:
        return self._project / "stacks" / f"Pulumi.{label}.yaml"

    def _load(self, label: str) -> StackFile:
        try:
            return load_stack_file(self._path(label))
        except SettingsErrors as error:
            raise StepFailed(str(error)) from None


def release_images(platform: str, release: str) -> dict[str, str]:
    """Tag → id of the release's service images on a tenant's engine. Empty: there are none, or no engine answers."""
    try:
        client = engine_client(platform)
    except docker.errors.DockerException:
        return {}
    try:
        found = client.api.images(filters={"reference": f"mailtenant/*:{release}"})
        return {tag: one["Id"] for one in found for tag in one["RepoTags"] or () if tag.endswith(f":{release}")}
    finally:
        client.close()
