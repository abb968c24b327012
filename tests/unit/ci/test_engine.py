"""What the engine really said (tests/pull_requests/recorded), reduced; shards; deployment in order."""

import json
from pathlib import Path

import pytest

from mailtenant.ci import engine, previews
from mailtenant.ci.deploy import deploy
from mailtenant.ci.previews import without_secrets
from mailtenant.ci.shards import MOST_JOBS, shards
from mailtenant.settings import load_stack_file
from tests.pull_requests.scenarios import SCENARIOS
from tests.unit.settings.files import a_stack_file

RECORDED = Path(__file__).resolve().parents[2] / "pull_requests" / "recorded"


def recorded(name: str) -> engine.EngineChange:
    document = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return engine.engine_change("delta", "deployed", document)


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
def test_counts_are_those_of_the_engine(name: str) -> None:
    said = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))["changeSummary"]
    counted = recorded(name).counts
    if name == "rename-volume":  # the engine counts components and not the refused delete
        assert counted["delete"] == 1
    else:
        assert counted == {op: number for op, number in said.items() if op != "same"}


def test_reasons_and_values_are_kept() -> None:
    smtp = next(step for step in recorded("tune-one-tenant").steps if step.name == "mt-delta-smtp")
    assert (smtp.op, [(key, replaces) for key, _, _, replaces in smtp.inputs]) == ("replace", [("volumes", True)])
    assert "mt-delta-smtp-config-" in smtp.inputs[0][1]


def test_a_refusal_of_the_engine_is_a_failure_in_one_sentence() -> None:
    change = recorded("rename-volume")
    (said,) = change.failure
    assert said.endswith("cannot be deleted because it is protected.")
    assert any(step.protected and step.op == "delete" for step in change.steps)


def test_written_and_read_again(tmp_path: Path) -> None:
    change = recorded("raise-limit")
    engine.write(change, tmp_path / "a")
    assert engine.read(tmp_path) == [change]
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(engine.EngineError, match=r"other\.json is no output"):
        engine.read(tmp_path)


def test_shards_hold_everybody_once_and_fit_a_matrix() -> None:
    labels = [f"t{i}" for i in range(45)]
    parts = shards(labels, 20)
    assert [len(part) for part in parts] == [15, 15, 15]
    assert sorted(label for part in parts for label in part) == sorted(labels)
    assert len(shards([str(i) for i in range(10_000)], 1)) == MOST_JOBS
    assert shards([], 20) == []


def test_a_new_tenants_secrets_become_placeholders(tmp_path: Path) -> None:
    stack_file = a_stack_file(tmp_path, "acme", 0)
    text = without_secrets(stack_file.path)
    assert "secure" not in text
    assert "c2VhbGVk" not in text
    assert "placeholder of mailtenant:secrets.cachePassword" in text
    assert load_stack_file(stack_file.path).settings.organisation in text


def a_pulumi(folder: Path, script: str) -> dict[str, str]:
    tool = folder / "bin" / "pulumi"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    tool.chmod(0o755)
    return {"PATH": f"{tool.parent}:/usr/bin:/bin"}


def test_the_first_failure_ends_a_deployment_and_says_who_was_not_reached(tmp_path: Path) -> None:
    environment = a_pulumi(tmp_path, 'echo "$@" >> calls; case "$*" in *bad*) echo "error: quota" >&2; exit 255;; esac')
    plans = tmp_path / "plans"
    plans.mkdir()
    for label in ("good", "bad", "later"):
        (plans / f"{label}.json").write_text("{}", encoding="utf-8")
    found = deploy(["good", "unplanned", "bad", "later"], tmp_path, plans, environment)
    assert [(one.label, one.outcome) for one in found] == [
        ("good", "done"),
        ("unplanned", "no plan"),
        ("bad", "failed"),
        ("later", "not reached"),
    ]
    assert found[2].reason == "quota"
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert len(calls) == 2
    assert all("--plan" in call and "--yes" in call for call in calls)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exec sleep 60", "no end of `pulumi stack` after 1 s"),
        ("echo nonsense", "`pulumi stack ls` gave no JSON"),
        ('case "$*" in *init*) exec sleep 60;; esac; echo []', "no end of `pulumi stack` after 1 s"),
        ('case "$1" in preview) exec sleep 60;; esac; echo \'[{"name": "acme"}]\'', "no end of `pulumi preview` after"),
        (None, "the Pulumi CLI was not found"),
    ],
)
def test_whatever_stops_a_preview_is_its_failure_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, said: str
) -> None:
    monkeypatch.setattr(previews, "SECONDS", 1)
    project = tmp_path / "project"
    (project / "stacks").mkdir(parents=True)
    a_stack_file(project, "acme", 0)
    for name in ("Pulumi.yaml", "stacks/__main__.py"):
        (project / name).write_text("", encoding="utf-8")
    environment = a_pulumi(tmp_path, script) if script else {"PATH": str(tmp_path)}
    assert said in previews.Previewer(project, environment).preview("acme").failure[0]


def test_a_look_for_drift_that_does_not_end_is_a_failure_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "SECONDS", 1)
    change = previews.Previewer(tmp_path, a_pulumi(tmp_path, "exec sleep 60")).drift("acme")
    assert change.failure == ("no end of `pulumi preview` after 1 s",)
