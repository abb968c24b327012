"""The engine beside the offline diff: both say the same; new tenants leave no trace; plans are done; drift shows.

One small tenant, up for real.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailtenant.ci.deploy import deploy
from mailtenant.ci.engine import EngineChange, engine_change
from mailtenant.ci.previews import Previewer
from mailtenant.diff.comparison import compare
from mailtenant.diff.repository import WORKING_TREE, Repository
from tests.pull_requests.record import LABEL, changed, preview, running
from tests.pull_requests.scenarios import SCENARIOS, STACK, Scenario, replaced
from tests.unit.diff.conftest import GitProject
from tests.unit.settings.files import a_stack_file
from tests.world.tenants import RunningTenant


@pytest.fixture(scope="module")
def tenant() -> Iterator[RunningTenant]:
    with tempfile.TemporaryDirectory(prefix="mailtenant-previews-") as name, running(Path(name)) as made:
        project = GitProject(made.project)
        (made.project / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
        project.git("init", "--quiet", "--initial-branch=main")
        project.commit("as deployed")
        yield made


def previewer(tenant: RunningTenant, tree: Path, plans: Path | None = None) -> Previewer:
    return Previewer(tree, {**tenant.environment, "PYTHONPATH": str(tree)}, plans=plans)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_offline_diff_says_what_the_engine_says(tenant: RunningTenant, scenario: Scenario, tmp_path: Path) -> None:
    """The same resources, by the same operations, for the same reasons."""
    tree = changed(tenant, scenario, tmp_path / "tree")
    said = engine_change(LABEL, "deployed", preview(tenant, tree))
    repository = Repository(tree)
    (offline,) = compare(repository, tree, repository.resolve("main"), WORKING_TREE).tenants
    ours = {(r.op, r.type, r.physical) for r in offline.resources}
    theirs = {(s.op, s.type, s.name) for s in said.steps if not s.type.startswith(("mailtenant:", "pulumi:"))}
    if scenario.name == "rename-volume":
        # The engine stops at the refused delete: what comes after it is not previewed any more.
        assert theirs <= ours
        assert any(s.op == "delete" and s.protected for s in said.steps)
        assert offline.loses_data
        return
    assert ours == theirs
    # A volume and its carrier have the same name. The engine gives no reason where a container goes with its edge.
    reasons = {
        (s.type, s.name): keys
        for s in said.steps
        if s.op == "replace" and (keys := {key for key, _, _, replaces in s.inputs if replaces})
    }
    assert reasons
    ours_by = {(r.type, r.physical): {i.key for i in r.inputs if i.replaces} for r in offline.resources}
    assert reasons == {place: ours_by[place] for place in reasons}


def test_a_new_tenant_is_previewed_without_a_trace(tenant: RunningTenant, tmp_path: Path) -> None:
    tree = changed(tenant, SCENARIOS[2], tmp_path / "tree")
    a_stack_file(tree, "newcomer", 40, "newcomer.test")
    found = previewer(tenant, tree).preview("newcomer")
    assert (found.mode, found.failure) == ("throwaway", ())
    assert set(found.counts) == {"create"}
    assert "newcomer" not in tenant.pulumi("stack", "ls").stdout


def test_a_failing_preview_is_a_result_like_any_other(tenant: RunningTenant, tmp_path: Path) -> None:
    broken = Scenario("broken", "broken", replaced(STACK, r"^    size: small$", "    size: enormous"))
    tree = changed(tenant, broken, tmp_path / "tree")
    found = previewer(tenant, tree).preview(LABEL)
    assert any("size" in line for line in found.failure)
    assert not any("enormous" in line for line in found.failure)


def test_a_plan_is_carried_out_and_another_change_is_refused(tenant: RunningTenant, tmp_path: Path) -> None:
    """Last: it changes the tenant. What was planned is done; the same plan for something else is not."""
    tree, plans = changed(tenant, SCENARIOS[1], tmp_path / "tree"), tmp_path / "plans"
    assert previewer(tenant, tree, plans).preview(LABEL).failure == ()
    environment = {**tenant.environment, "PYTHONPATH": str(tree)}
    other = changed(tenant, SCENARIOS[2], tmp_path / "other")
    (refused,) = deploy([LABEL], other, plans, {**environment, "PYTHONPATH": str(other)})
    assert refused.outcome == "failed"
    (done,) = deploy([LABEL], tree, plans, environment)
    assert (done.outcome, done.reason) == ("done", "")
    assert tenant.docker("inspect", "-f", "{{.HostConfig.Memory}}", "mt-delta-imap").stdout.strip() == str(1024 << 20)

    def drift() -> EngineChange:
        return previewer(tenant, tree).drift(LABEL)

    assert (drift().changes, drift().failure) == (0, ())
    tenant.docker("update", "--memory", "600m", "--memory-swap", "600m", "mt-delta-imap")
    found = drift()
    assert found.changes == 1
    assert found.steps[0].name == "mt-delta-imap"
