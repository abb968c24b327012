"""`mailtenant waves` on the embedded control plane."""

from datetime import UTC, datetime, timedelta

import pytest

from mailtenant.control import customers, migrations
from mailtenant.control.plane import ControlPlane
from mailtenant.migration import Window, events
from mailtenant.migration.evidence import Item
from tests.unit.cli.conftest import Cli


@pytest.fixture
def plane(empty_plane: ControlPlane) -> ControlPlane:
    with empty_plane.database.write() as session:
        for label in ("acme", "globex"):
            tenant = customers.add(
                empty_plane, session, organisation=label, domains=[f"{label}.test"], contact=("Jo", "jo@else.test"),
                actor="test", label=label,
            )  # fmt: skip
            customers.confirm(empty_plane, session, label, actor="test")
            migrations.check_item(empty_plane, session, tenant, Item.DNS, green=True, by="test")
    return empty_plane


def test_a_date_that_is_given_counts_in_its_week(plane: ControlPlane, cli: Cli) -> None:
    monday = datetime.now(UTC).date() + timedelta(days=14)
    monday -= timedelta(days=monday.weekday())
    words = ("waves", "--json", "--cap", "1", "--start", str(monday), "--deadline", str(monday + timedelta(days=6)))
    assert cli(*words).json["left_out"].keys() == {"globex"}
    window = Window(datetime(monday.year, monday.month, monday.day, 9, tzinfo=UTC), 60, 15)
    migrations.apply_event(plane, "acme", events.Schedule(window), actor="test")
    ended = cli(*words)
    assert (ended.code, ended.json["left_out"].keys(), ended.json["weeks"]) == (1, {"globex"}, [])
    assert cli(*words[:3], "2", *words[4:]).code == 0


def test_what_makes_no_plan_is_said(plane: ControlPlane, cli: Cli) -> None:
    assert "--defer" in cli("waves", "--until", "2027-01-01").err
    past = cli("waves", "--deadline", "2020-01-01")
    assert (past.code, past.out) == (1, "")
    assert "before the first day" in past.err
