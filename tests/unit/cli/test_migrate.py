"""`mailtenant migrate`: orders, their refusals, and what status shows; on the embedded control plane."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from mailtenant.cli.app import run
from mailtenant.control import customers, migrations
from mailtenant.control.plane import ControlPlane
from mailtenant.control.sender import Letter, Sender
from mailtenant.migration import events
from mailtenant.migration.evidence import Item

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def plane(empty_plane: ControlPlane) -> ControlPlane:
    with empty_plane.database.write() as session:
        tenant = customers.add(
            empty_plane, session, organisation="Acme GmbH", domains=["acme.test"], contact=("Jo", "jo@else.test"),
            actor="test", label="acme",
        )  # fmt: skip
        customers.confirm(empty_plane, session, "acme", actor="test")
        for item in Item:
            migrations.check_item(empty_plane, session, tenant, item, green=True, by="test")
    return empty_plane


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S")


def seen(capsys: Capture) -> dict[str, object]:
    capsys.readouterr()
    run(["migrate", "status", "acme", "--json"])
    shown: dict[str, object] = json.loads(capsys.readouterr().out)
    return shown


def test_a_window_is_fixed_and_moved_and_too_early_a_one_is_refused(plane: ControlPlane, capsys: Capture) -> None:
    assert run(["migrate", "schedule", "acme", "--start", in_days(3)]) == 1
    assert "notice period" in capsys.readouterr().err
    assert run(["migrate", "schedule", "acme", "--start", in_days(9), "--interruption", "20"]) == 0
    assert "at most 20 minutes" in capsys.readouterr().out
    assert run(["migrate", "schedule", "acme", "--start", in_days(12)]) == 0
    shown = seen(capsys)
    assert shown["state"] == "scheduled"
    assert [event["event"] for event in shown["events"]] == ["schedule", "reschedule"]  # type: ignore[index,union-attr]


@pytest.mark.parametrize(
    "words",
    [("--start", "9999-12-31T23:59:59"), ("--start", in_days(9), "--minutes", "99999999999999")],
)
def test_a_window_beyond_all_measure_is_refused(plane: ControlPlane, capsys: Capture, words: tuple[str, ...]) -> None:
    assert run(["migrate", "schedule", "acme", *words]) == 1
    assert capsys.readouterr().err.startswith("error:")
    assert seen(capsys)["state"] == "requested"


def test_options_that_make_no_sense_are_said(plane: ControlPlane, capsys: Capture) -> None:
    for words in (["run", "--log", "loud"], ["status", "--follow"]):
        assert run(["migrate", *words]) == 1
        assert capsys.readouterr().err.startswith("error:")


def test_what_failed_is_shown_with_its_fix(plane: ControlPlane, capsys: Capture) -> None:
    run(["migrate", "schedule", "acme", "--start", in_days(9)])
    migrations.apply_event(plane, "acme", events.Prepare(), actor="test")
    migrations.apply_event(plane, "acme", events.Fail("no room", "make some"), actor="test")
    capsys.readouterr()
    assert run(["customer", "show", "acme", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["reason"], shown["fix"]) == ("no room", "make some")


def test_a_window_that_cannot_hold_its_interruption_is_refused(plane: ControlPlane, capsys: Capture) -> None:
    words = ["migrate", "schedule", "acme", "--start", in_days(9), "--minutes", "10", "--interruption", "20"]
    assert run(words) == 1
    assert "must be at least 1 minute and fit" in capsys.readouterr().err


def test_deferred_and_resumed(plane: ControlPlane, capsys: Capture) -> None:
    assert run(["migrate", "defer", "acme", "--until", "2000-01-01", "--reason", "x"]) == 1
    assert "not in the future" in capsys.readouterr().err
    assert run(["migrate", "defer", "acme", "--until", in_days(30), "--reason", "season"]) == 0
    assert seen(capsys)["state"] == "deferred"
    assert run(["migrate", "resume", "acme"]) == 0
    assert seen(capsys)["state"] == "requested"


def test_a_failed_move_says_why_and_exits_with_1_until_it_is_retried(plane: ControlPlane, capsys: Capture) -> None:
    assert run(["migrate", "schedule", "acme", "--start", in_days(9)]) == 0
    sent: list[Letter] = []
    Sender(plane, {"mail": sent.append}, "test").round()
    migrations.apply_event(plane, "acme", events.Prepare(), actor="test")
    migrations.apply_event(plane, "acme", events.Fail("disk full", "make room"), actor="test")
    capsys.readouterr()
    assert run(["migrate", "status", "acme"]) == 1
    shown = capsys.readouterr().out
    assert "disk full" in shown and "make room" in shown
    assert run(["migrate", "status", "acme", "--follow", "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[0])["failure"]["why"] == "disk full"
    assert run(["migrate", "retry", "acme"]) == 0
    assert seen(capsys)["state"] == "preparing"
    assert run(["migrate", "rollback", "acme", "--reason", "not now"]) == 0
    assert seen(capsys)["state"] == "rolling_back"


def test_what_the_state_does_not_allow_is_refused_in_one_line(plane: ControlPlane, capsys: Capture) -> None:
    for words in (["retry", "acme"], ["rollback", "acme", "--reason", "x"], ["sign-off", "acme", "--by", "Jo"]):
        assert run(["migrate", *words]) == 1
        assert "is not possible in state requested" in capsys.readouterr().err


def test_an_unknown_customer_is_said_to_be_one(plane: ControlPlane, capsys: Capture) -> None:
    for words in (["status", "nobody"], ["retry", "nobody"], ["preflight", "nobody"], ["plan", "nobody"]):
        assert run(["migrate", *words]) == 1
        assert "no customer of that label" in capsys.readouterr().err


def test_the_preflight_of_a_customer_without_a_stack_file_is_red_with_the_fix(
    plane: ControlPlane, capsys: Capture
) -> None:
    assert run(["migrate", "preflight", "acme", "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert not found["ok"]
    assert "mailtenant new acme" in found["fix"]


def test_wrong_paces_name_their_variable(plane: ControlPlane, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTENANT_MIGRATE_LEASE", "soon")
    monkeypatch.setenv("MAILTENANT_WORKER_PARENT", "1")
    assert run(["migrate", "run"]) == 3
    assert "MAILTENANT_MIGRATE_LEASE" in capsys.readouterr().err
