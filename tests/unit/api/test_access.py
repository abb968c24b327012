"""Who gets in, what they see, what is logged, and how an error looks."""

import logging
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from mailtenant.api import userinfo
from mailtenant.api.directory import Directory
from mailtenant.api.security import Gate
from mailtenant.control import api_keys, customers
from mailtenant.control.errors import Misconfigured
from mailtenant.control.plane import ControlPlane
from mailtenant.tasks import book
from tests.unit.api.service import Service, service
from tests.unit.control.planes import ACTOR, add_customer, clock_of

READS = (
    "/api/userinfo/", "/api/mailboxes/", "/api/domains/", "/api/tasks/", "/api/migration/", "/api/migration/history",
)  # fmt: skip


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("key", [None, "", "mt_wrong", "x" * 600])
def test_without_a_right_key_401_and_a_challenge(api: Service, path: str, key: str | None) -> None:
    answer = api.get(path, key)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Api-Key")
    assert answer.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Api-Key {}"}, {"authorization": "api-key  {} "}, {"X-Server-API-Key": "{}"}],
)
def test_both_forms_of_the_header_are_taken(api: Service, headers: dict[str, str]) -> None:
    add_customer(api.plane)
    key = api.key()
    sent = {name: value.format(key) for name, value in headers.items()}
    assert api.client.get("/api/userinfo/", headers=sent).status_code == 200
    both = {"Authorization": f"Api-Key {key}", "X-Server-API-Key": key}
    assert api.client.get("/api/userinfo/", headers=both).status_code == 200
    differ = {"Authorization": f"Api-Key {key}", "X-Server-API-Key": key + "x"}
    assert api.client.get("/api/userinfo/", headers=differ).status_code == 401
    assert api.client.get("/api/userinfo/", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_a_revoked_key_is_refused_at_once(api: Service) -> None:
    add_customer(api.plane)
    key = api.key()
    assert api.get("/api/userinfo/", key).status_code == 200
    with api.plane.database.write() as session:
        tenant = customers.find(session, "acme")
        api_keys.revoke(api.plane, session, tenant, api_keys.every(session, tenant.id)[0].id, actor=ACTOR)
    assert api.get("/api/userinfo/", key).status_code == 401


def test_a_key_is_refused_from_the_moment_on_at_which_it_expires(api: Service) -> None:
    add_customer(api.plane)
    clock = clock_of(api.plane)
    with api.plane.database.write() as session:
        tenant = customers.find(session, "acme")
        _, key = api_keys.create(api.plane, session, tenant, "short", actor=ACTOR, expires="1")
    lasting = api.key()
    clock.turn(days=1, seconds=-1)
    assert api.get("/api/userinfo/", key).status_code == 200
    clock.turn(seconds=1)
    answer = api.get("/api/userinfo/", key)
    assert answer.status_code == 401
    assert "has expired" in answer.json()["error"]["message"]
    clock.turn(days=4000)
    assert api.get("/api/userinfo/", lasting).status_code == 200


def test_another_customers_things_are_not_there(api: Service) -> None:
    """404 like for what does not exist, never 403: nobody learns what others have."""
    add_customer(api.plane)
    add_customer(api.plane, "Globex")
    ours, theirs = api.key("acme"), api.key("globex")
    domain = api.get("/api/domains/", ours).json()[0]
    made = api.call("POST", "/api/mailboxes/", ours, json={"email": "jo", "domain": domain["id"]}).json()
    paths = [
        ("GET", f"/api/mailboxes/{made['id']}"), ("DELETE", f"/api/mailboxes/{made['id']}"),
        ("GET", f"/api/tasks/{made['task_id']}"), ("POST", f"/api/tasks/{made['task_id']}/cancel"),
        ("GET", "/api/domains/acme.test"), ("GET", "/api/domains/acme.test/plan"),
        ("POST", "/api/domains/acme.test/push-dns"), ("DELETE", "/api/domains/acme.test/dns"),
    ]  # fmt: skip
    for method, path in paths:
        there, absent = api.call(method, path, theirs), api.call(method, path.replace("acme", "none"), theirs)
        assert there.status_code == absent.status_code == 404, path
        assert there.json()["error"]["message"] == absent.json()["error"]["message"]
    assert api.get("/api/mailboxes/", theirs).json() == []
    assert [row["name"] for row in api.get("/api/domains/", theirs).json()] == ["globex.test"]
    # In a body, too.
    sent = {"email": "jo", "domain": domain["id"]}
    assert api.call("POST", "/api/mailboxes/", theirs, json=sent).status_code == 422
    bulk = api.call("POST", "/api/domains/bulk-verify", theirs, json={"domains": ["acme.test"]})
    assert bulk.status_code == 404


def test_too_many_requests_of_a_key(plane: ControlPlane) -> None:
    with service(replace(plane, settings=plane.settings.model_copy(update={"rate_key": "3/hour"}))) as api:
        add_customer(plane)
        key, other = api.key(), api.key()
        assert [api.get("/api/userinfo/", key).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        answer = api.get("/api/userinfo/", key)
        assert 1 <= int(answer.headers["Retry-After"]) <= 3600
        assert answer.json()["error"]["code"] == "too_many_requests"
        assert api.get("/api/userinfo/", other).status_code == 200


def test_too_many_wrong_keys_of_an_address(plane: ControlPlane) -> None:
    with service(replace(plane, settings=plane.settings.model_copy(update={"rate_address": "2/hour"}))) as api:
        add_customer(plane)
        assert [api.get("/api/userinfo/", f"guess{n}").status_code for n in range(4)] == [401, 401, 429, 429]
        # Whoever has a key is not kept out by somebody else's guesses behind the same address.
        assert api.get("/api/userinfo/", api.key()).status_code == 200


def test_no_secret_is_logged_or_answered(api: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    add_customer(api.plane)
    key, password = api.key(), "correct horse battery staple"
    domain = api.get("/api/domains/", key).json()[0]["id"]
    wanted = {"email": "jo", "domain": domain, "password": password}
    made = api.call("POST", "/api/mailboxes/", key, json=wanted)
    assert made.json()["password"] is None
    bad = api.call("POST", "/api/mailboxes/", key, json={**wanted, "domain": "no number", "email": "x" * 99})
    short = api.call("POST", "/api/mailboxes/", key, json={**wanted, "email": "ann", "password": "hunter7"})
    assert (bad.status_code, short.status_code) == (422, 422)
    api.get(f"/api/userinfo/?key={key}", "mt_" + "w" * 43)
    answers = made.text + bad.text + short.text
    # The test's own HTTP client logs whole addresses.
    logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))
    for secret in (key, password, "hunter7", "w" * 43, "argon2"):
        assert secret not in logged
        assert secret not in answers
    assert "POST /api/mailboxes/ 202" in logged
    with api.plane.database.read() as session:
        task = book.find(session, customers.find(session, "acme").id, made.json()["task_id"])
        assert "password" not in str(task.given)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404), ("PUT", "/api/userinfo/", 405), ("GET", "/api/mailboxes/x", 422),
        ("POST", "/api/mailboxes/", 422), ("POST", "/api/migration/checklist/dns", 409),
        ("POST", "/api/migration/checklist/nothing", 422), ("POST", "/api/migration/sign-off", 409),
        ("GET", "/docs", 404),
    ],
)  # fmt: skip
def test_every_error_has_one_shape_and_the_request_id(api: Service, method: str, path: str, status: int) -> None:
    add_customer(api.plane)
    body = {"by": "Jo"} if "migration" in path else None
    answer = api.call(method, path, api.key(), json=body, headers={"X-Request-ID": "from-the-client-1"})
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "request_id", "reasons"}
    assert error["request_id"] == answer.headers["X-Request-ID"] == "from-the-client-1"


def test_a_request_id_that_could_harm_a_log_is_not_taken(api: Service) -> None:
    answer = api.call("GET", "/healthz", None, headers={"X-Request-ID": "a b c {} \t x"})
    assert len(answer.headers["X-Request-ID"]) == 16


@pytest.mark.parametrize("path", ["/api/domains/", "/api/userinfo/"])
def test_a_defect_is_answered_in_the_same_shape(api: Service, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    add_customer(api.plane)
    key = api.key()
    monkeypatch.setattr(customers, "domains", lambda *_: 1 / 0)
    monkeypatch.setattr(userinfo, "SMTP_PORT", object())
    answer = api.get(path, key)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert answer.json()["error"]["request_id"] == answer.headers["X-Request-ID"]


def test_without_a_database_503_and_when_to_come_back(api: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    add_customer(api.plane)
    key = api.key()

    def away(*_: object) -> None:
        raise OperationalError("SELECT secret", {"digest": "secret"}, OSError("password=secret"))

    monkeypatch.setattr(api.client.app.state.gate.directory, "_read", away)  # type: ignore[attr-defined]
    answer = api.get("/api/userinfo/", key)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "secret" not in answer.text


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_where_to_connect_is_only_for_get(api: Service, method: str) -> None:
    add_customer(api.plane)
    answer = api.call(method, "/api/userinfo/", api.key())
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


def test_health_needs_no_key(api: Service) -> None:
    answer = api.get("/healthz", None)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_storage_of_counts_that_does_not_exist_is_said_without_its_password(plane: ControlPlane) -> None:
    settings = plane.settings.model_copy(update={"rate_storage": "nothing://user:secret@host"})
    with pytest.raises(Misconfigured, match="MAILTENANT_RATE_STORAGE") as refused:
        Gate(replace(plane, settings=settings), Directory(plane.database))
    assert "secret" not in str(refused.value)
