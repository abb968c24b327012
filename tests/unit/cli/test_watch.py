"""`mailtenant watch`, `alerts list`, `migrate plan --send` and `alias remove`: what they say, and their exit codes."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from mailtenant.accounts.left_over import leading_nowhere
from mailtenant.accounts.model import Alias
from mailtenant.check.report import Report, Status, StepResult
from mailtenant.cli import alias as alias_commands
from mailtenant.cli import dns_verify
from mailtenant.cli import watch as watch_command
from mailtenant.control import audit, customers
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Message, MigrationRow
from mailtenant.dns.verify import Result
from mailtenant.rendering.services import SERVICES
from mailtenant.watch.rules import Container
from mailtenant.workflow.ports import Change, Estimate
from mailtenant.workflow.real.moves import RealMoves
from mailtenant.workflow.real.stack import PulumiStack
from tests.unit.cli.conftest import TREE, Cli

PASSED = StepResult("ports", "ports", Status.PASSED, 0.1, "5")
REFUSED = StepResult("login-993", "login on 993 (IMAP)", Status.FAILED, 0.1, cause="refused", fix="see the log")


@pytest.fixture
def plane(empty_plane: ControlPlane, project: Path) -> ControlPlane:
    """One customer, moved, with a stack file."""
    with empty_plane.database.write() as session:
        customers.add(
            empty_plane, session, organisation="Acme GmbH", domains=["acme.test"], contact=("Jo", "jo@else.test"),
            actor="test", label="acme",
        )  # fmt: skip
        customers.confirm(empty_plane, session, "acme", actor="test")
        session.execute(update(MigrationRow).values(state="completed", serving="tenant"))
    shutil.copy(TREE / "stacks" / "Pulumi.acme.yaml", project / "stacks")
    return empty_plane


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the tenant's servers, DNS and engine answer; `checks`: which check was asked for."""
    made = SimpleNamespace(steps=(PASSED,), results=[], checks=[], missing=())

    def report(kind: str) -> Report:
        made.checks.append(kind)
        return Report("acme", "h", "a", "m", made.steps, 0.1)

    def containers(_: Any) -> list[Container]:
        names = [f"mt-acme-{one}" for one in SERVICES if one not in made.missing]
        return [Container(name, "running", "Up (healthy)", "sha256:x") for name in names]

    monkeypatch.setattr(PulumiStack, "check", lambda self, echo: report("check"))
    monkeypatch.setattr(PulumiStack, "reach", lambda self: report("reach"))
    monkeypatch.setattr(dns_verify, "published", lambda folder, file: list(made.results))
    monkeypatch.setattr(watch_command, "_containers", containers)
    monkeypatch.setattr(watch_command, "release_images", lambda platform, release: {})
    monkeypatch.setattr(watch_command, "_labels", lambda platform: {"acme"})
    return made


def test_all_is_well_shows_the_days_of_certificates_and_exits_with_0(
    plane: ControlPlane, servers: SimpleNamespace, cli: Cli
) -> None:
    shown = cli("watch", "--json")
    (acme,) = shown.json["tenants"]
    assert shown.code == 0 and acme["ok"] and acme["certificate_days"]["mail"] > 3000
    assert servers.checks == ["check"]
    assert cli("alerts", "list", "--json").json == []
    assert "1 tenants, 0 with problems" in cli("watch", "acme").out


def test_problems_are_alerts_once_until_they_are_over(plane: ControlPlane, servers: SimpleNamespace, cli: Cli) -> None:
    servers.steps = (PASSED, REFUSED)
    servers.results = [Result("acme.test MX", "ns1", "wrong", "missing", "add it")]
    servers.missing = ("imap",)
    first = cli("watch", "--json")
    assert first.code == 1
    assert sorted(one["kind"] for one in first.json["tenants"][0]["new"]) == ["check", "dns", "drift"]
    again = cli("watch")
    assert again.code == 1 and "0 new alerts" in again.out and "mt-acme-imap is missing" in again.out
    listed = cli("alerts", "list", "acme", "--on")
    assert listed.code == 1 and "still on" in listed.out and "login on 993" in listed.out
    servers.steps, servers.results, servers.missing = (PASSED,), [], ()
    assert cli("watch", "acme", "--json").json["tenants"][0]["over"][0]["ended"]
    assert cli("alerts", "list", "--on", "--json").json == []
    every = cli("alerts", "list", "--json")
    assert every.code == 0 and {one["page"] for one in every.json} == {
        "docs/alerts.md#check", "docs/alerts.md#dns", "docs/alerts.md#drift"
    }  # fmt: skip
    status = cli("migrate", "status", "acme")
    assert "drift" in status.out
    assert len(cli("migrate", "status", "acme", "--json").json["alerts"]) == 3


def test_in_a_hold_the_check_makes_no_mailbox(plane: ControlPlane, servers: SimpleNamespace, cli: Cli) -> None:
    with plane.database.write() as session:
        session.execute(update(MigrationRow).values(state="holding"))
    assert cli("watch", "acme").code == 0
    assert servers.checks == ["reach"]


def test_a_customer_on_its_way_is_named_and_left_to_its_move(
    plane: ControlPlane, servers: SimpleNamespace, cli: Cli
) -> None:
    with plane.database.write() as session:
        session.execute(update(MigrationRow).values(state="copying"))
    shown = cli("watch", "acme")
    assert shown.code == 0 and "acme is on its way (copying)" in shown.out and servers.checks == []
    assert cli("watch", "--json").json["tenants"] == []


def test_a_tenant_without_a_stack_file_is_refused_by_name_and_a_problem_otherwise(
    plane: ControlPlane, servers: SimpleNamespace, cli: Cli, project: Path
) -> None:
    assert "no tenant of that label" in cli("watch", "globex").err
    (project / "stacks" / "Pulumi.acme.yaml").unlink()
    shown = cli("watch", "--json")
    problems = shown.json["tenants"][0]["problems"]
    assert shown.code == 1 and {one["kind"] for one in problems} == {"not-asked"}
    assert all("has no stack file" in one["what"] for one in problems)


@pytest.fixture
def moves(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the plan is made of."""
    made = SimpleNamespace(octets=3 * 1024**3, new="10 acme.outboxment.com")

    def opened(self: RealMoves, label: str) -> Any:
        change = Change("cutover", "acme.test", "acme.test", "MX", "10 mail.inboxment.com", made.new, True)
        return SimpleNamespace(dns=SimpleNamespace(changes=lambda: (change,)))

    monkeypatch.setattr(RealMoves, "open", opened)
    monkeypatch.setattr(RealMoves, "estimate", lambda self, label: Estimate({"jo@acme.test": made.octets}, 600.0, 6.0))
    return made


def plans(plane: ControlPlane) -> list[Message]:
    with plane.database.read() as session:
        return list(session.scalars(select(Message).where(Message.kind == "plan").order_by(Message.id)))


def test_the_plan_goes_to_each_contact_once_a_version(plane: ControlPlane, moves: SimpleNamespace, cli: Cli) -> None:
    first = cli("migrate", "plan", "acme", "--send", "--yes", "--json").json["sent"]
    assert first["to"] == ["jo@else.test"] and first["had_it"] == []
    moves.octets += 1000  # mail that came in meanwhile is no other plan
    again = cli("migrate", "plan", "acme", "--send", "--yes")
    assert again.code == 0 and "not again" in again.out and len(plans(plane)) == 1
    with plane.database.write() as session:
        tenant = customers.find(session, "acme")
        customers.add_contact(plane, session, tenant, "Ann", "ann@else.test", actor="test")
    third = cli("migrate", "plan", "acme", "--send", "--yes", "--json").json["sent"]
    assert third == {"version": first["version"], "to": ["ann@else.test"], "had_it": ["jo@else.test"]}
    moves.new = "10 other.outboxment.com"
    fourth = cli("migrate", "plan", "acme", "--send", "--yes", "--json").json["sent"]
    assert fourth["version"] != first["version"] and len(plans(plane)) == 4
    with plane.database.read() as session:
        assert [one.action for one in audit.entries(session)].count("plan.send") == 3


def test_the_plan_in_the_mail_names_window_sizes_and_records_and_no_mailbox(
    plane: ControlPlane, moves: SimpleNamespace, cli: Cli
) -> None:
    from mailtenant.control.notifications import render

    cli("migrate", "plan", "acme", "--send", "--yes")
    (row,) = plans(plane)
    subject, body = render(row.kind, row.facts)
    assert "acme.outboxment.com" in subject
    for words in (
        "1 mailboxes with 3 GiB",
        "about 10 minutes to copy",
        "10 mail.inboxment.com",
        "by you",
        "no date is",
    ):
        assert words in body
    assert "jo@acme.test" not in json.dumps(row.facts)


@pytest.mark.parametrize("answer", [True, False])
def test_nothing_is_sent_before_somebody_agrees(
    plane: ControlPlane, moves: SimpleNamespace, cli: Cli, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    asked: list[str] = []

    def confirm(text: str, **_: Any) -> bool:
        asked.append(text)
        return answer

    monkeypatch.setattr("mailtenant.cli.migrate_plan.typer.confirm", confirm)
    ended = cli("migrate", "plan", "acme", "--send")
    assert ended.code == 0 and len(asked) == 1 and "jo@else.test" in asked[0]
    assert len(plans(plane)) == int(answer) and ("not sent" in ended.out) is not answer
    assert cli("migrate", "plan", "acme").code == 0 and len(asked) == 1
    refused = cli("migrate", "plan", "acme", "--send", "--json")
    assert refused.code == 1 and "--yes" in refused.err


ALIASES = [
    Alias("info@acme.test", "sales@acme.test"), Alias("all@acme.test", "jo+news@acme.test"),
    Alias("out@acme.test", "x@else.test"), Alias("postmaster@acme.test", "jo@acme.test", True),
]  # fmt: skip


def test_aliases_that_lead_nowhere() -> None:
    boxes = ["jo@acme.test"]
    assert leading_nowhere("acme.test", ALIASES, boxes) == ALIASES[:1]
    assert leading_nowhere("acme.test", [*ALIASES, Alias("sales@acme.test", "jo@acme.test")], boxes) == []
    assert leading_nowhere("acme.test", [*ALIASES, Alias("@acme.test", "jo@acme.test")], boxes) == []
    assert leading_nowhere("acme.test", ALIASES, []) == [ALIASES[0], ALIASES[1], ALIASES[3]]


def test_an_alias_that_leads_nowhere_after_a_removal_is_named(
    plane: ControlPlane, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SimpleNamespace(
        remove_alias=lambda address, destination: [Alias(address, "jo@acme.test")],
        mailboxes=lambda: [SimpleNamespace(address="jo@acme.test")],
        aliases=lambda: ALIASES,
    )

    @contextmanager
    def opened(_: Any) -> Iterator[Any]:
        yield store

    monkeypatch.setattr(alias_commands, "AccountStore", opened)
    shown = cli("alias", "remove", "acme", "sales@acme.test").out
    assert "info@acme.test leads nowhere now" in shown and "alias remove acme info@acme.test sales@acme.test" in shown
    (removed,) = cli("alias", "remove", "acme", "sales@acme.test", "--json").json
    nowhere: Sequence[dict[str, str]] = removed["leading_nowhere"]
    assert [one["address"] for one in nowhere] == ["info@acme.test"]
