"""What a customer sees and decides of its move."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailtenant.control import audit, customers, migrations, proofs, reports
from mailtenant.migration import State, events, usage
from mailtenant.migration.evidence import Verification
from mailtenant.migration.logins import Login
from mailtenant.workflow.watch import look
from tests.unit.api.service import Service
from tests.unit.control.planes import add_customer, advance, clock_of, ready_customer
from tests.unit.migration.examples import PROBES


def test_the_customer_acknowledges_its_items_and_not_ours(api: Service) -> None:
    add_customer(api.plane)
    key = api.key()
    for item in ("team", "systems", "usage"):
        answer = api.call("POST", f"/api/migration/checklist/{item}", key, json={"by": "Jo Doe", "note": "seen"})
        assert answer.status_code == 200
    for item in ("dns", "contact"):
        refused = api.call("POST", f"/api/migration/checklist/{item}", key, json={"by": "Jo Doe"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_yours")
    shown = {one["item"]: one for one in api.get("/api/migration/", key).json()["checklist"]}
    assert {item for item, one in shown.items() if one["green"]} == {"team", "systems", "usage"}
    assert shown["team"]["by"] == "Jo Doe"
    withdrawn = api.call("DELETE", "/api/migration/checklist/team", key).json()
    assert not next(one for one in withdrawn["checklist"] if one["item"] == "team")["green"]


def test_the_audit_trail_names_the_key_whatever_name_is_given(api: Service) -> None:
    add_customer(api.plane)
    api.call("POST", "/api/migration/checklist/team", api.key(), json={"by": "operator:root"})
    with api.plane.database.read() as session:
        entry = audit.entries(session)[0]
    assert (entry.actor.partition(":")[0], entry.action) == ("key", "checklist.green")
    assert entry.detail == {"item": "team", "by": "operator:root"}


def test_the_label_is_confirmed_once(api: Service) -> None:
    add_customer(api.plane)
    key = api.key()
    assert api.get("/api/migration/", key).json()["label_confirmed"] is False
    shown = api.call("POST", "/api/migration/label", key, json={"label": "acme-mail"}).json()
    assert (shown["label"], shown["tenant_host"]) == ("acme-mail", "acme-mail.outboxment.com")
    assert api.call("POST", "/api/migration/label", key, json={"label": "other"}).status_code == 409
    assert api.call("POST", "/api/migration/label", key, json={}).status_code == 200


@pytest.mark.parametrize("label", ["www", "a.b", "ACME"])
def test_a_bad_label_is_refused(api: Service, label: str) -> None:
    add_customer(api.plane)
    answer = api.call("POST", "/api/migration/label", api.key(), json={"label": label})
    assert answer.status_code == 422


def test_put_off_and_asked_for_again(api: Service) -> None:
    ready_customer(api.plane)
    key = api.key()
    advance(api.plane, "acme", State.SCHEDULED)
    until = (api.plane.now() + timedelta(days=60)).isoformat()
    shown = api.call("POST", "/api/migration/defer", key, json={"until": until, "reason": "busy season"}).json()
    assert (shown["state"], shown["reason"], shown["window"]) == ("deferred", "busy season", None)
    assert api.call("POST", "/api/migration/request", key).json()["state"] == "requested"
    shown = api.call("POST", "/api/migration/opt-out", key, json={"until": until, "reason": "happy here"}).json()
    assert shown["state"] == "opted_out"
    history = api.get("/api/migration/history", key).json()
    assert [one["event"] for one in history] == ["schedule", "defer", "resume", "opt_out"]
    assert [one["by"].partition(":")[0] for one in history] == ["workflow", "key", "key", "key"]


def test_too_late_to_defer_says_why(api: Service) -> None:
    ready_customer(api.plane)
    advance(api.plane, "acme", State.FROZEN)
    until = (api.plane.now() + timedelta(days=60)).isoformat()
    answer = api.call("POST", "/api/migration/defer", api.key(), json={"until": until, "reason": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_now")
    assert answer.json()["error"]["reasons"]


@pytest.mark.parametrize(
    "body",
    [{}, {"until": "2027-01-01T00:00:00", "reason": "x"}, {"until": "2027-01-01T00:00:00Z", "reason": "a\r\nb"}],
)
def test_a_bad_deferral_is_refused(api: Service, body: dict[str, str]) -> None:
    ready_customer(api.plane)
    assert api.call("POST", "/api/migration/defer", api.key(), json=body).status_code == 422


def test_the_sign_off_is_kept_with_its_name(api: Service) -> None:
    ready_customer(api.plane)
    advance(api.plane, "acme", State.VERIFYING)
    shown = api.call("POST", "/api/migration/sign-off", api.key(), json={"by": "Jo Doe"}).json()
    assert (shown["state"], shown["signed_off_by"]) == ("verifying", "Jo Doe")
    with api.plane.database.read() as session:
        newest = audit.entries(session, customers.find(session, "acme").id, 1)[0]
    assert (newest.action, newest.actor.partition(":")[0]) == ("migration.sign_off", "key")


def test_no_event_of_the_workflow_can_be_sent_by_a_customer(api: Service) -> None:
    document = api.client.get("/api/openapi.json").json()
    offered = {path.rpartition("/")[2] for path in document["paths"] if path.startswith("/api/migration/")}
    assert offered == {"", "contact", "history", "{item}", "label", "request", "defer", "opt-out", "sign-off"}


def test_programs_that_log_in_are_listed_before_the_move_and_the_old_hosts_users_after_it(api: Service) -> None:
    ready_customer(api.plane)
    key = api.key()
    before = api.get("/api/migration/", key).json()
    assert (before["recent_logins"], before["old_host_logins"], before["usage"]) == ([], None, None)
    known = Login("jo@acme.test", "192.0.2.7", "imap", True, api.plane.now())
    look(api.plane, lambda label: [known], "acme")
    before = api.get("/api/migration/", key).json()
    assert before["recent_logins"] == [
        {"address": "jo@acme.test", "client": "192.0.2.7", "service": "imap", "last_seen": known.at.isoformat()}
    ]
    assert before["old_host_logins"] is None
    advance(api.plane, "acme", State.HOLDING)
    numbers = []
    for later in (replace(known, let_in=False, at=api.plane.now()), None):
        look(api.plane, lambda label, later=later: [later] if later else [], "acme")
        numbers.append(api.get("/api/migration/", key).json()["old_host_logins"]["still"])
        clock_of(api.plane).turn(hours=25)
    assert numbers == [1, 0]
    old = api.get("/api/migration/", key).json()["old_host_logins"]["mailboxes"]
    assert [(one["address"], one["clients"], one["still"], one["known"]) for one in old] == [
        ("jo@acme.test", ["192.0.2.7"], False, True)
    ]


def test_what_is_left_to_the_customer_is_listed(api: Service) -> None:
    ready_customer(api.plane)
    ready_customer(api.plane, "Globex", provider="cloudflare")
    for label, wanted in (("acme", ["publish_records", "reconnect"]), ("globex", ["reconnect"])):
        assert [one["item"] for one in api.get("/api/migration/", api.key(label)).json()["to_do"]] == wanted


def test_the_size_is_acknowledged_or_changed_on_the_checklist(api: Service) -> None:
    add_customer(api.plane)
    key = api.key()
    path = "/api/migration/checklist/usage"
    assert api.call("POST", path, key, json={"by": "Jo", "size": "large"}).status_code == 409
    with api.plane.database.write() as session:
        content = usage.report(usage.Usage(3, 1, 10, (usage.Day("2026-11-01", 4, 3),)))
        reports.put(api.plane, session, customers.find(session, "acme").id, reports.Kind.USAGE, content)
    shown = api.get("/api/migration/", key).json()["usage"]
    assert (shown["mails_a_day_p95"], shown["days"], shown["agreed"]) == (7, [["2026-11-01", 4, 3]], None)
    assert api.call("POST", path, key, json={"by": "Jo"}).json()["usage"]["agreed"]["how"] == "acknowledged"
    changed = api.call("POST", path, key, json={"by": "Jo", "size": "medium", "mailboxes": 40}).json()["usage"][
        "agreed"
    ]
    assert (changed["how"], changed["size"], changed["mailboxes"], changed["domains"]) == ("changed", "medium", 40, 3)
    for body, status in (({"by": "Jo", "size": "huge"}, 422), ({"by": "Jo", "mailboxes": 0}, 422)):
        assert api.call("POST", path, key, json=body).status_code == status
    assert api.call("POST", "/api/migration/checklist/team", key, json={"by": "Jo", "size": "small"}).status_code == 409
    assert api.call("DELETE", path, key).json()["usage"]["agreed"] is None


def test_a_contact_proves_itself_with_the_code_of_the_mail(api: Service) -> None:
    add_customer(api.plane)
    key = api.key()
    with api.plane.database.write() as session:
        tenant = customers.find(session, "acme")
        code = proofs.ask_contact(api.plane, session, tenant, "jo@example.com", actor="operator:test").code
    assert api.call("POST", "/api/migration/contact", key, json={"code": "wrong", "by": "Jo"}).status_code == 404
    shown = api.call("POST", "/api/migration/contact", key, json={"code": code, "by": "Jo Doe"}).json()
    (item,) = [one for one in shown["checklist"] if one["item"] == "contact"]
    assert item["green"] and item["by"] == "Jo Doe" and "jo@example.com" in item["note"]


def test_the_verification_is_attached_and_the_sign_off_has_its_time(api: Service) -> None:
    ready_customer(api.plane)
    key = api.key()
    advance(api.plane, "acme", State.VERIFYING)
    assert api.get("/api/migration/", key).json()["verification"] is None
    clock_of(api.plane).turn(minutes=30)
    since = api.plane.now() - timedelta(minutes=20)
    migrations.apply_event(api.plane, "acme", events.Verified(Verification(PROBES, since)), actor="workflow")
    shown = api.call("POST", "/api/migration/sign-off", key, json={"by": "Jo Doe"}).json()
    assert shown["signed_off_at"] == api.plane.now().isoformat()
    assert [one["name"] for one in shown["verification"]["probes"]] == [probe.name for probe in PROBES]
    with api.plane.database.read() as session:
        newest = audit.entries(session, customers.find(session, "acme").id, 1)[0]
    assert newest.detail["verification"] == shown["verification"]["at"]
