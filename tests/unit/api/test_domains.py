"""One more domain: asked for by the API, added by support."""

from typing import Any

import pytest

from mailtenant.control import audit, customers
from mailtenant.control.tables import Task
from mailtenant.migration import Side
from mailtenant.tasks import book
from mailtenant.tasks.kinds import ASK_SUPPORT, perform
from tests.unit.api.service import Service
from tests.unit.control.planes import ACTOR, SHARED, add_customer


def ask(api: Service, key: str, name: str, **more: Any) -> Any:
    headers = more.pop("headers", {})
    return api.call("POST", "/api/domains/", key, json={"name": name, **more}, headers=headers)


def done(api: Service, identity: str) -> dict[str, Any]:
    return perform(api.plane, api.systems, identity, 0)


def test_a_domain_is_asked_for_by_a_task_that_support_answers(api: Service) -> None:
    add_customer(api.plane)
    key = api.key()
    answer = ask(api, key, "Acme.IO", provider="cloudflare")
    assert answer.status_code == 202
    identity = answer.json()["task_id"]
    assert done(api, identity) == {"ok": False, "item": "acme.io", "said": ASK_SUPPORT}
    # Nothing is the customer's before it is proven.
    assert [row["name"] for row in api.get("/api/domains/", key).json()] == ["acme.test"]
    with api.plane.database.write() as session:
        tenant = customers.find(session, "acme")
        [noted] = [one for one in audit.entries(session, tenant.id) if one.action == "domain.request"]
        assert noted.detail == {"domain": "acme.io", "provider": "cloudflare"} and noted.actor.startswith("key:")
        customers.add_domain(api.plane, session, tenant, "acme.io", provider="cloudflare", actor=ACTOR)
    assert done(api, identity)["ok"]
    assert [row["name"] for row in api.get("/api/domains/", key).json()] == ["acme.test", "acme.io"]


def test_the_same_key_gives_the_same_task(api: Service) -> None:
    add_customer(api.plane)
    key = api.key()
    first, second = (ask(api, key, "acme.io", headers={"Idempotency-Key": "k"}).json() for _ in range(2))
    assert first == second
    with api.plane.database.read() as session:
        assert len(book.every(session, customers.find(session, "acme").id)) == 1
        actions = [entry.action for entry in audit.entries(session)]
    assert actions.count("domain.request") == 1


@pytest.mark.parametrize(
    "name", ["acme", "acme..io", "-x.io", "jo@acme.io", "https://acme.io", "10.0.0.1", "acme.io.", ""]
)
def test_what_is_no_domain_is_refused_with_the_reason(api: Service, name: str) -> None:
    add_customer(api.plane)
    answer = ask(api, api.key(), name)
    assert answer.status_code == 422 and answer.json()["error"]["message"].startswith("the domain ")


def test_an_unknown_provider_is_refused(api: Service) -> None:
    add_customer(api.plane)
    answer = ask(api, api.key(), "acme.io", provider="route99")
    assert answer.status_code == 422 and "unknown DNS provider" in answer.json()["error"]["message"]


def test_what_is_taken_reads_the_same_whoever_has_it(api: Service) -> None:
    add_customer(api.plane)
    add_customer(api.plane, "Globex")
    key = api.key("acme")
    names = ("acme.test", "globex.test", "outboxment.com", "x.outboxment.com", SHARED)
    answers = [ask(api, key, name) for name in names]
    assert {answer.status_code for answer in answers} == {409}
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1
    assert api.get("/api/tasks/", key).json() == []


def test_a_plan_without_room_for_one_more_is_said(api: Service) -> None:
    add_customer(api.plane)
    api.systems.of("acme", Side.SHARED).allowed = 1
    answer = ask(api, api.key(), "acme.io")
    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == "all 1 domains of your plan are in use; ask support for more"


def test_a_domain_is_found_however_it_is_written(api: Service) -> None:
    """Names of the DNS are the same in capitals (RFC 4343), and `POST /api/domains/` takes them so, too."""
    add_customer(api.plane)
    key = api.key()
    assert api.get("/api/domains/Acme.TEST", key).json()["name"] == "acme.test"
    assert api.call("POST", "/api/domains/ACME.test/verify", key).status_code == 202
    made = api.call("POST", "/api/domains/bulk-push-dns", key, json={"domains": ["ACME.test", "acme.test"]}).json()
    with api.plane.database.read() as session:
        assert session.get_one(Task, made["task_id"]).given == {"domains": ["acme.test"]}
