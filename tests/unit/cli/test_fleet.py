"""`fleet rollout` with the survey and the work played: what is asked, and what the exit code says."""

from pathlib import Path

import pytest

from mailtenant.cli import fleet
from mailtenant.fleet.survey import State, Survey, Surveyed
from tests.unit.cli.conftest import Cli
from tests.unit.settings.files import a_stack_file


def surveyed(label: str, state: State = "up", refused: str = "") -> Surveyed:
    return Surveyed(label, "2026.11", state, False, None, 9, refused)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch, project: Path) -> list[int]:
    """The rollouts that were carried out; tenants: acme is well, the engine of globex is silent."""
    done: list[int] = []
    for number, label in enumerate(("acme", "globex")):
        a_stack_file(project, label, number)
    found = Survey((surveyed("acme"), surveyed("globex", "unknown")), ())
    monkeypatch.setattr(fleet, "_survey", lambda _: found)
    monkeypatch.setattr(fleet, "_work", lambda _folder, _journal, number, *_, **__: done.append(number))
    monkeypatch.delenv("MAILTENANT_DATABASE_URL", raising=False)
    return done


def test_json_is_nothing_but_json_so_nothing_is_asked(work: list[int], cli: Cli) -> None:
    ended = cli("fleet", "rollout", "--json")
    assert (ended.code, ended.out, work) == (2, "", [])
    assert "add --yes" in ended.err


def test_a_tenant_that_could_not_be_reached_is_not_all_well(work: list[int], cli: Cli) -> None:
    ended = cli("fleet", "rollout", "--yes")
    assert (ended.code, len(work)) == (1, 1)
    assert "left out although they were to be rolled: globex" in ended.err


def test_nothing_to_roll_is_all_well_only_where_everybody_was_reached(work: list[int], cli: Cli) -> None:
    assert cli("fleet", "rollout", "--yes", "--only", "globex").code == 1
    assert work == []


def test_who_was_not_asked_for_may_be_silent(work: list[int], cli: Cli) -> None:
    assert cli("fleet", "rollout", "--yes", "--only", "acme").code == 0
    assert len(work) == 1


def test_a_preview_that_fails_is_no_plan_in_order(work: list[int], cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "_previews", lambda *_: {"acme": {"error": "wrong passphrase"}})
    ended = cli("fleet", "plan", "--preview", "--json")
    assert ended.code == 1
    assert ended.json["previews"] == {"acme": {"error": "wrong passphrase"}}
    assert "no preview of acme" in ended.err
    assert cli("fleet", "plan", "--json").code == 0


def test_a_halt_says_for_programs_what_goes_on(work: list[int], cli: Cli) -> None:
    assert cli("fleet", "rollout", "--yes", "--only", "acme").code == 0
    assert cli("fleet", "halt", "--json").json == {"rollout": work[0], "state": "halted", "running": []}
    assert cli("fleet", "halt", "--end", "--json").json["state"] == "ended"
