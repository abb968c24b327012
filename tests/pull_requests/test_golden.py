"""The comment of each golden pull request, as committed in docs/examples/pull-requests: built anew from a repository
with this tree's code and the recorded stack file, and from what the engine really said (`recorded/`).

`UPDATE_GOLDEN=1` writes them anew.
"""

import json
import re
import shutil
from pathlib import Path

import pytest

from mailtenant.ci.comment import body
from mailtenant.ci.engine import engine_change
from mailtenant.diff.comparison import Comparison, compare
from mailtenant.diff.repository import WORKING_TREE, Repository
from tests.golden import assert_golden
from tests.pull_requests.record import RECORDED, ROOT, copy_tree
from tests.pull_requests.scenarios import SCENARIOS, STACK, Scenario
from tests.unit.diff.conftest import GitProject
from tests.unit.settings.files import a_stack_file

EXAMPLES = ROOT / "docs" / "examples" / "pull-requests"
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded tenant and a neighbour, committed."""
    folder = copy_tree(tmp_path_factory.mktemp("golden") / "template")
    shutil.copy(RECORDED / "delta.yaml", folder / STACK)
    a_stack_file(folder, "beta", 30, "beta.test")
    (folder / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
    project = GitProject(folder)
    project.git("init", "--quiet", "--initial-branch=main")
    project.commit("two tenants")
    return folder


def change(scenario: Scenario, folder: Path) -> None:
    if scenario.edit is None:
        shutil.copy(RECORDED / f"{scenario.name}.yaml", folder / STACK)
    else:
        scenario.edit(folder)


def comment(comparison: Comparison, scenario: Scenario) -> str:
    document = json.loads((RECORDED / f"{scenario.name}.json").read_text(encoding="utf-8"))
    text = body(comparison, [engine_change("delta", "deployed", document)])
    return re.sub(r"\([0-9a-f]{9}\)", "(0123456789)", text)  # a commit's id follows the clock


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_the_comment(name: str, template: Path, tmp_path: Path) -> None:
    scenario = BY_NAME[name]
    folder = shutil.copytree(template, tmp_path / "project")
    change(scenario, folder)
    repository = Repository(folder)
    comparison = compare(repository, folder, repository.resolve("main"), WORKING_TREE)
    assert_golden(EXAMPLES / f"{name}.md", comment(comparison, scenario))
    by_label = {one.label: one for one in comparison.tenants}
    # A neighbour's stack file is not touched: it changes only where the code does.
    assert set(by_label) == ({"delta", "beta"} if scenario.code else {"delta"})
    assert comparison.loses_data is (name == "rename-volume")
    if name == "add-domain":
        others = [r for r in by_label["delta"].records if r.old and not r.new]
        assert not others, "a domain more takes nothing from the others"
