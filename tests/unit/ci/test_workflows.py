"""The workflows as files: pinned actions, no secret where a fork's code runs, commands that exist."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailtenant.cli.app import build

FOLDER = Path(__file__).resolve().parents[3] / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return found


def test_there_are_three() -> None:
    assert [path.name for path in WORKFLOWS] == ["deploy.yml", "drift.yml", "preview.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_a_whole_commit_and_checkouts_keep_no_credentials(path: Path) -> None:
    for job in jobs(path).values():
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_from_outside_is_pasted_into_a_script_and_every_job_ends(path: Path) -> None:
    whole = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert whole["permissions"] == {"contents": "read"}
    for job in whole["jobs"].values():
        assert job["timeout-minutes"] <= 360
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), step


def test_the_offline_job_has_no_secret_and_no_engine() -> None:
    text = yaml.safe_dump(jobs(FOLDER / "preview.yml")["offline"])
    assert "secrets." not in text
    assert "permissions" not in text  # the workflow's: contents: read
    assert "pulumi" not in text
    assert "pull_request_target" not in (FOLDER / "preview.yml").read_text(encoding="utf-8")


def test_only_the_comment_job_may_write_and_it_runs_the_bases_code() -> None:
    writers = {
        (path.name, name)
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if any(value == "write" for key, value in job.get("permissions", {}).items() if key != "id-token")
    }
    assert writers == {("preview.yml", "comment")}
    checkout = jobs(FOLDER / "preview.yml")["comment"]["steps"][0]
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"


def test_engine_and_comment_are_for_branches_of_this_repository() -> None:
    for name in ("engine", "comment"):
        assert "head.repo.full_name == github.repository" in jobs(FOLDER / "preview.yml")[name]["if"]


@pytest.mark.parametrize(
    ("offline", "engine", "said"),
    [("failure", "skipped", ["offline job failed"]), ("success", "cancelled", ["engine job did not end"])],
)
def test_there_is_a_comment_also_where_no_job_left_anything(
    tmp_path: Path, offline: str, engine: str, said: list[str]
) -> None:
    (step,) = [one for one in jobs(FOLDER / "preview.yml")["comment"]["steps"] if one.get("name") == "One comment"]
    tool = tmp_path / ".venv" / "bin" / "mailtenant"
    tool.parent.mkdir(parents=True)
    tool.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    tool.chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "OFFLINE": offline, "ENGINE": engine, "PLACE": "a/b#1", "RUN": "r"}
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        cwd=tmp_path,
        env={**environment, "GITHUB_STEP_SUMMARY": "summary"},
        text=True,
        capture_output=True,
        check=True,
    )
    assert all(words in done.stdout for words in [*said, "--post\na/b#1"])


def test_the_rest_waits_for_the_canary() -> None:
    rest = jobs(FOLDER / "deploy.yml")["rest"]
    assert "canary" in rest["needs"]
    assert "needs.canary.result == 'success'" in rest["if"]
    assert rest["strategy"]["fail-fast"] is True


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_command_and_option_in_them_exists(path: Path) -> None:
    import typer.main

    root: Any = typer.main.get_command(build())
    seen = 0
    for job in jobs(path).values():
        for step in job["steps"]:
            script = step.get("run", "").replace("\\\n", " ")
            for line in re.findall(r"\.venv/bin/mailtenant ([^\n|)]*)", script):
                words = line.split()
                command = root.commands[words[0]]
                if hasattr(command, "commands"):
                    command = command.commands[words[1]]
                known = {option for parameter in command.params for option in parameter.opts}
                for option in re.findall(r"(?<=\s)--[a-z-]+", " " + line):
                    assert option in known, f"{words[:2]} has no {option}"
                seen += 1
    assert seen >= 2
