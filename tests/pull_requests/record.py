"""Records the engine's real previews of the golden pull requests: `python -m tests.pull_requests.record`.

Brings a tenant up on the machine's engine, makes each change in a copy of the tree and asks `pulumi preview --json`.
What is written to `recorded/` holds no secret and nothing of the machine: encrypted leaves, ids and paths are renamed.
Run it again when the program or Pulumi changes; git shows what the engine now says otherwise.
"""

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from mailtenant.diff.comparison import CODE
from mailtenant.environment import tool_environment
from mailtenant.settings import load_stack_file
from tests.pull_requests.scenarios import SCENARIOS, STACK, Scenario
from tests.world.conftest import PASSPHRASE, new_tenant, remove_tenant
from tests.world.tenants import RunningTenant, run
from world import World, places_of

ROOT: Final = Path(__file__).resolve().parents[2]
RECORDED: Final = Path(__file__).with_name("recorded")
LABEL: Final = "delta"
# A world of its own: the tests of the other one may be under way.
NETWORK: Final = "mailtenant-previews"
SUBNET: Final = "10.84.0.0/16"
PLACE: Final = ([f"{LABEL}.test"], "10.84.1.10", "10.83.8.0/28", "127.0.2.4")


def copy_tree(folder: Path) -> Path:
    """The part of this tree that a tenant comes from, without anybody's stack file."""
    for part in CODE:
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, target)
    return folder


@contextmanager
def running(folder: Path) -> Iterator[RunningTenant]:
    """The tenant `delta` in a world of its own, up; removed at the end."""
    backend = folder / "backend"
    backend.mkdir()
    environment = {
        **tool_environment(),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
    }
    world = World(name=NETWORK, subnet=SUBNET)
    remove_tenant(LABEL)
    try:
        project = copy_tree(folder / "base")
        tenant = new_tenant(project, environment, LABEL, place=PLACE, network=NETWORK, dns="10.84.0.53")
        world.up(places_of([load_stack_file(tenant.stack_file)]))
        tenant.up()
        yield tenant
    finally:
        remove_tenant(LABEL)
        world.down()


def changed(tenant: RunningTenant, scenario: Scenario, folder: Path) -> Path:
    """A copy of the tenant's tree with the change."""
    shutil.copytree(tenant.project, folder)
    if scenario.edit is None:
        run(
            ["mailtenant", "domain", "add", LABEL, "delta-three.test", "--project", str(folder)],
            tenant.environment,
            folder,
        )
    else:
        scenario.edit(folder)
    return folder


def preview(tenant: RunningTenant, tree: Path) -> dict[str, Any]:
    """What the engine says, also where it refuses."""
    environment = {**tenant.environment, "PYTHONPATH": str(tree)}
    command = ["pulumi", "preview", "--json", "--stack", LABEL, "--non-interactive", "--color", "never"]
    done = run(command, environment, tree, check=False)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


class Blind:
    """Renames what is secret, random or this machine's; the same thing gets the same name."""

    def __init__(self, *folders: Path) -> None:
        self._folders = [str(folder) for folder in folders]
        self._names: dict[str, str] = {}

    def stack_file(self, text: str) -> str:
        text = re.sub(r"^encryptionsalt: .*$", "encryptionsalt: v1:AAAAAAAAAAA=:v1:AAAA:AAAA", text, flags=re.MULTILINE)
        return re.sub(r"secure: (\S+)", lambda found: f"secure: v1:{self._name(found[1], 'leaf')}", text)

    def document(self, value: Any) -> Any:
        if isinstance(value, dict):
            if "4dabf18193072939515e22adb298388d" in value:
                return "[secret]"
            return {key: self.document(below) for key, below in value.items()}
        if isinstance(value, list):
            return [self.document(below) for below in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        for folder in self._folders:
            text = text.replace(folder, "/project")
        # Real fingerprints follow from the secrets; the offline side shows none either.
        text = re.sub(r"(-secrets-)[0-9a-f]{12}\b", r"\1[secret]", text)
        text = re.sub(r"\b[0-9a-f]{64}\b", lambda found: self._name(found[0], "id"), text)
        return re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", lambda found: self._name(found[0], "id"), text)

    def _name(self, text: str, kind: str) -> str:
        return self._names.setdefault(text, f"{kind}-{len(self._names):04d}")


def kept(document: dict[str, Any]) -> dict[str, Any]:
    """The preview without what stays the same, and without how long it took."""
    steps = [s if s["op"] != "same" else {"op": "same", "urn": s["urn"]} for s in document.get("steps", ())]
    for step in steps:
        for state in ("oldState", "newState"):
            for key in ("created", "modified", "outputs", "sourcePosition", "stackTrace", "propertyDependencies"):
                step.get(state, {}).pop(key, None)
    diagnostics = [one for one in document.get("diagnostics", ()) if one.get("severity") not in ("debug", "info#err")]
    return {"steps": steps, "diagnostics": diagnostics, "changeSummary": document.get("changeSummary", {})}


def main() -> None:
    RECORDED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mailtenant-record-") as name:
        folder = Path(name)
        with running(folder) as tenant:
            blind = Blind(folder, ROOT)
            shown = blind.stack_file(tenant.stack_file.read_text(encoding="utf-8"))
            (RECORDED / "delta.yaml").write_text(shown, encoding="utf-8")
            for scenario in SCENARIOS:
                tree = changed(tenant, scenario, folder / scenario.name)
                document = blind.document(kept(preview(tenant, tree)))
                text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
                (RECORDED / f"{scenario.name}.json").write_text(text + "\n", encoding="utf-8")
                if scenario.edit is None:
                    after = blind.stack_file((tree / STACK).read_text(encoding="utf-8"))
                    (RECORDED / f"{scenario.name}.yaml").write_text(after, encoding="utf-8")
                print(f"{scenario.name}: {document['changeSummary']}", file=sys.stderr)


if __name__ == "__main__":
    main()
