"""`migrate logins`, `usage` and `diagnose`, and the keys' proof before a date: on the embedded control plane."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from mailtenant.check.report import Report, Status, StepResult
from mailtenant.cli.migrate_diagnose import Questions, asked
from mailtenant.cli.migrate_plan import planned
from mailtenant.control import audit, customers, migrations, proofs, reports
from mailtenant.control.plane import ControlPlane
from mailtenant.dns import cloudflare_api, preflight
from mailtenant.dns.verify import Result
from mailtenant.migration import Side, usage
from mailtenant.migration.evidence import Item
from mailtenant.migration.logins import Login
from mailtenant.migration.sides import Activity, SideError
from mailtenant.workflow.decide import Step
from mailtenant.workflow.ports import Change, Estimate
from mailtenant.workflow.real.moves import RealMoves
from tests.unit.cli.conftest import Cli
from world.cloudflare_api import CloudflareApi

NOW = datetime.now(UTC)
JO = Login("jo@acme.test", "192.0.2.7", "imap", True, NOW - timedelta(hours=2))


@pytest.fixture
def plane(empty_plane: ControlPlane) -> ControlPlane:
    with empty_plane.database.write() as session:
        customers.add(
            empty_plane, session, organisation="Acme GmbH", domains=["acme.test"], contact=("Jo", "jo@else.test"),
            actor="test", label="acme", provider="cloudflare",
        )  # fmt: skip
        customers.confirm(empty_plane, session, "acme", actor="test")
    return empty_plane


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Login]:
    """What the old host's log shows."""
    shown = [JO]
    monkeypatch.setattr(RealMoves, "logins", lambda self, label: list(shown))
    return shown


def cut_over(plane: ControlPlane) -> None:
    with plane.database.write() as session:
        tenant = customers.find(session, "acme")
        row, _ = migrations.load(session, tenant)
        row.state, row.serving, row.cut_over_at = "holding", "tenant", NOW - timedelta(hours=1)
        migrations.rehost(plane, session, tenant, actor="test")


def test_recent_logins_are_listed_and_kept(plane: ControlPlane, log: list[Login], cli: Cli) -> None:
    shown = cli("migrate", "logins", "acme", "--json")
    assert shown.code == 0
    assert [(one["address"], one["client"]) for one in shown.json["recent_logins"]] == [(JO.address, JO.client)]
    log.clear()
    assert "192.0.2.7" in cli("migrate", "logins", "acme", "--stored").out
    assert cli("migrate", "status", "acme", "--json").json["recent_logins"]


def test_mailboxes_still_at_the_old_host_are_reported_until_there_is_none(
    plane: ControlPlane, log: list[Login], cli: Cli
) -> None:
    cli("migrate", "logins", "acme")
    cut_over(plane)
    log[:] = [Login(JO.address, JO.client, "imap", False, NOW - timedelta(minutes=5))]
    found = cli("migrate", "logins", "acme")
    assert found.code == 1 and "1 mailboxes still log in at the old host" in found.out
    status = cli("migrate", "status", "acme")
    assert status.code == 0 and "1 mailboxes still log in there" in status.out and "192.0.2.7" in status.out
    with plane.database.write() as session:
        old = [Login(JO.address, JO.client, "imap", False, NOW - timedelta(minutes=59))]
        rows = [{**one.as_json(), "at": (NOW - timedelta(days=2)).isoformat()} for one in old]
        row, _ = migrations.load(session, customers.find(session, "acme"))
        row.cut_over_at = NOW - timedelta(days=3)
        number = customers.find(session, "acme").id
        reports.put(plane, session, number, reports.Kind.LOGINS, {"logins": rows})
    gone = cli("migrate", "logins", "acme", "--stored", "--json")
    assert (gone.code, gone.json["old_host_logins"]["still"]) == (0, 0)
    assert len(gone.json["old_host_logins"]["mailboxes"]) == 1


def test_an_old_host_that_cannot_be_reached_is_said_in_one_line(plane: ControlPlane, cli: Cli) -> None:
    for command in ("logins", "usage"):
        ended = cli("migrate", command, "acme")
        assert ended.code in (1, 3) and "MAILTENANT_MIGRATE_SHARED_HOST" in ended.err


def test_usage_is_reported_and_its_size_changed_on_the_checklist(
    plane: ControlPlane, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = usage.Usage(3, 1, usage.GIB, (usage.Day("2026-11-01", 4, 3),))
    monkeypatch.setattr(RealMoves, "shared", lambda self, label: SimpleNamespace(usage=lambda: found))
    shown = cli("migrate", "usage", "acme")
    assert "3 mailboxes" in shown.out and "proposed: size small, 8 mailboxes" in shown.out
    done = cli("customer", "checklist", "acme", "usage", "--by", "Jo", "--size", "medium", "--mailboxes", "40")
    assert done.code == 0
    again = cli("migrate", "usage", "acme", "--json").json
    assert (again["mails_a_day_p95"], again["agreed"]["size"], again["agreed"]["mailboxes"]) == (7, "medium", 40)
    with plane.database.read() as session:
        assert "usage.changed" in {entry.action for entry in audit.entries(session)}
    assert cli("customer", "checklist", "acme", "team", "--by", "Jo", "--size", "small").code == 1


KEYS: dict[str, tuple[Callable[[CloudflareApi, str], str], str]] = {
    "a token that nobody knows": (lambda api, zone: "x" * 40, "does not know the API token"),
    "a token that only reads": (lambda api, zone: api.token(zone, edit=False), "may not do this"),
    "all in order": (lambda api, zone: api.token(zone), ""),
}


@pytest.mark.parametrize("case", KEYS)
def test_no_date_is_fixed_while_a_key_does_not_read_its_zone(
    plane: ControlPlane, cli: Cli, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    make, said = KEYS[case]
    start = (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%S")
    with CloudflareApi() as api:
        zone = api.zone("acme.test", [])
        token = make(api, zone)
        found = lambda self, label: preflight.cloudflare(  # noqa: E731
            cloudflare_api.Api(token, api.base_url), zone, "acme.test"
        )
        monkeypatch.setattr(RealMoves, "keys", found)
        by_word = cli("customer", "checklist", "acme", "dns", "--by", "Jo")
        assert by_word.code == 1 and "migrate preflight acme" in by_word.err
        ended = cli("migrate", "schedule", "acme", "--start", start)
    with plane.database.read() as session:
        tenant = customers.find(session, "acme")
        green = Item.DNS in migrations.checklist(session, tenant.id)
        state = migrations.load(session, tenant)[1].state
    assert (ended.code, green, state) == ((1, False, "requested") if said else (0, True, "scheduled"))
    assert said in ended.err


def test_without_a_stack_file_the_key_is_red_with_the_fix(plane: ControlPlane, cli: Cli) -> None:
    assert cli("migrate", "preflight", "acme").code == 1
    with plane.database.read() as session:
        row = reports.get(session, customers.find(session, "acme").id, reports.Kind.DNS)
    assert row is not None and "mailtenant new acme" in row.content["findings"][0]["said"]


def test_a_contact_is_asked_and_proven(plane: ControlPlane, cli: Cli) -> None:
    refused = cli("customer", "checklist", "acme", "contact", "--by", "me")
    assert refused.code == 1 and "ask-contact acme" in refused.err
    assert cli("customer", "ask-contact", "acme", "jo@else.test").code == 0
    with plane.database.read() as session:
        code = customers.contacts(session, customers.find(session, "acme").id)[0].code
    assert cli("customer", "prove-contact", "acme").code == 1
    assert cli("customer", "prove-contact", "acme", "--code", "nonsense").code == 1
    assert "contact" not in cli("customer", "prove-contact", "acme", "--code", str(code)).out
    receipt = ("--email", "jo@else.test", "--receipt", "call of 3 May, ticket 17")
    assert cli("customer", "prove-contact", "acme", *receipt).code == 0


QUIET = Activity(0, 0, 0)


def good() -> Questions:
    report = Report(
        "acme", "acme.x", "1.2.3.4", "m@acme.test", (StepResult("login", "Login", Status.PASSED, 0.1),), 0.1
    )
    return Questions(
        log=lambda: None, old_queue=lambda: QUIET, old_logins=list, new_queue=lambda: QUIET,
        check=lambda: report, dns=lambda: [Result("acme.test MX", "1.1.1.1", "ok", "as planned")],
    )  # fmt: skip


def test_a_diagnosis_of_what_is_well_finds_nothing() -> None:
    found = asked("acme", Side.TENANT, good())
    assert all(one.ok for one in found)
    assert {one.rule for one in found} == {"old-host-closed", "queue-old", "queue-new", "check", "dns"}


def _raise() -> Sequence[str]:
    raise SideError("host-7: connection refused")


WRONG: dict[str, tuple[dict[str, object], str, str]] = {
    "old-host-closed": ({"old_logins": lambda: ["imap @acme.test"]}, "imap @acme.test", "0014"),
    "queue-old": ({"old_queue": lambda: Activity(0, 0, 2)}, "2 mails wait", "postqueue"),
    "old-host-log": ({"log": _raise}, "host-7: connection refused", "MAILTENANT_MIGRATE_SHARED_HOST"),
    "queue-new": ({"new_queue": _raise}, "host-7", "pulumi up -s acme"),
    "dns": (
        {"dns": lambda: [Result("acme.test MX", "ns1", "wrong", "it is the old host's", "change it at your provider")]},
        "acme.test MX at ns1: it is the old host's", "change it at your provider",
    ),
    "check login": (
        {"check": lambda: Report("acme", "h", "a", "m@acme.test", (
            StepResult("login", "Login", Status.FAILED, 0.1, cause="535 refused", fix="see the log"),), 0.1)},
        "535 refused", "see the log",
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", WRONG)
def test_each_question_with_a_bad_answer_is_a_finding_with_evidence_and_fix(rule: str) -> None:
    changes, evidence, fix = WRONG[rule]
    questions = Questions(**{**vars(good()), **changes})  # type: ignore[arg-type]
    bad = [one for one in asked("acme", Side.TENANT, questions) if not one.ok]
    assert [one.rule for one in bad] == [rule]
    assert evidence in bad[0].evidence and fix in bad[0].fix


def test_before_the_move_nothing_is_expected_of_the_new_side() -> None:
    assert [one.rule for one in asked("acme", Side.SHARED, good())] == ["queue-old"]


def test_diagnose_exits_with_1_on_a_finding_and_names_it(plane: ControlPlane, log: list[Login], cli: Cli) -> None:
    assert cli("migrate", "diagnose", "acme", "--stored").code == 0
    cut_over(plane)
    first = cli("migrate", "diagnose", "acme", "--stored", "--json")
    assert first.code == 1
    assert [one["rule"] for one in first.json if not one["ok"]] == ["old-host-logins"]
    log.clear()
    cli("migrate", "logins", "acme")
    assert cli("migrate", "diagnose", "acme", "--stored").code == 0
    log[:] = [Login(JO.address, JO.client, "imap", False, NOW)]
    cli("migrate", "logins", "acme")
    with plane.database.write() as session:
        customers.find(session, "acme").smtp_host = "left.behind.example"
    found = cli("migrate", "diagnose", "acme", "--stored")
    assert found.code == 1 and "2 findings" in found.out
    assert "left.behind.example" in found.out and "jo@acme.test from 192.0.2.7" in found.out
    assert cli("customer", "rehost", "acme", "--json").json["smtp_host"] == "acme.outboxment.com"
    # The servers of this customer are nowhere: each question ends in a finding, none in a traceback.
    whole = cli("migrate", "diagnose", "acme", "--json")
    assert whole.code == 1
    assert {"queue-old", "check", "dns"} <= {one["rule"] for one in whole.json if not one["ok"]}


def test_proofs_are_of_the_zones_that_are_written_with_a_key(plane: ControlPlane) -> None:
    with plane.database.read() as session:
        assert proofs.zones_by_key(session, customers.find(session, "acme")) == {"acme.test"}


def test_the_plan_is_the_same_for_the_same_customer_and_says_everything(plane: ControlPlane) -> None:
    change = Change("cutover", "acme.test", "acme.test", "MX", "10 mail.inboxment.com", "10 acme.outboxment.com", False)
    moves = SimpleNamespace(
        estimate=lambda label: Estimate({"jo@acme.test": 1000}, 12.3, 5.6),
        open=lambda label: SimpleNamespace(dns=SimpleNamespace(changes=lambda: (change,))),
    )
    first, second = (planned(plane, moves, "acme") for _ in range(2))  # type: ignore[arg-type]
    assert first == second
    assert first["estimate"] == {"copy_seconds": 12, "freeze_seconds": 6} and first["mailboxes"] == {
        "jo@acme.test": 1000
    }
    assert (first["records"][0]["old"], first["records"][0]["new"]) == (
        "10 mail.inboxment.com",
        "10 acme.outboxment.com",
    )
    assert {step["step"] for step in first["steps"]}.isdisjoint(step["step"] for step in first["rollback"])
    assert {step["step"] for step in (*first["steps"], *first["rollback"])} == {step.value for step in Step}
