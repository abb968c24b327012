"""Requests that no program of good will sends: each has an answer of its own, none is a defect of ours."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.exc import DataError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailtenant.api.middleware import LARGEST
from tests.unit.api.service import PlayedSystem, Service
from tests.unit.control.planes import add_customer

HUGE = (2**31, 2**63, 10**30, -(10**30))


@pytest.mark.parametrize("number", HUGE)
def test_a_number_that_no_row_can_have_is_not_found(api: Service, number: int) -> None:
    add_customer(api.plane)
    key = api.key()
    assert api.get(f"/api/mailboxes/{number}", key).status_code == 404
    assert api.call("DELETE", f"/api/mailboxes/{number}", key).status_code == 404
    assert api.call("POST", f"/api/mailboxes/{number}/password", key, json={}).status_code == 404
    sent = {"email": "jo", "domain": number}
    assert api.call("POST", "/api/mailboxes/", key, json=sent).status_code == 422
    assert api.get(f"/api/mailboxes/?after={number}", key).json() == []


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_a_time_beyond_the_calendar_is_refused(api: Service, until: str) -> None:
    add_customer(api.plane)
    answer = api.call("POST", "/api/migration/defer", api.key(), json={"until": until, "reason": "x"})
    assert answer.status_code == 422
    assert "body.until" in answer.json()["error"]["reasons"][0]


@pytest.mark.parametrize(("error", "status"), [(DataError("", {}, Exception()), 422), (PoolTimeout(), 503)])
def test_what_the_database_cannot_hold_or_serve(
    api: Service, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    """A NUL in a text is the caller's to mend; no free connection passes by itself."""
    add_customer(api.plane)

    def plan(*_: Any) -> Sequence[Any]:
        raise error

    monkeypatch.setattr(PlayedSystem, "plan", plan)
    answer = api.get("/api/domains/acme.test/plan", api.key())
    assert answer.status_code == status
    assert answer.json()["error"]["request_id"]
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize("body", [b"{bad", b"", b"{}", b"[" * 100_000])
def test_without_a_key_401_whatever_else_is_wrong(api: Service, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("/api/mailboxes/", "/api/mailboxes/1/password", "/api/domains/bulk-verify", "/api/migration/defer"):
        answer = api.call("POST", path, None, content=body, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"]
    assert api.call("POST", "/api/migration/checklist/nothing", None, content=body).status_code == 401


def test_a_body_that_is_too_large_is_refused(api: Service) -> None:
    add_customer(api.plane)
    answer = api.call("POST", "/api/mailboxes/", api.key(), content=b" " * (LARGEST + 1))
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
    small = b'{"domains": []' + b" " * (LARGEST // 2) + b"}"
    headers = {"Content-Type": "application/json"}
    assert api.call("POST", "/api/domains/bulk-verify", api.key(), content=small, headers=headers).status_code == 202


def test_a_slash_more_or_less_at_the_end_makes_no_difference(api: Service) -> None:
    add_customer(api.plane)
    key = api.key()
    for path in ("/api/userinfo", "/api/mailboxes", "/api/domains/acme.test", "/api/migration/history", "/healthz"):
        with_, without = (api.call("GET", path + end, key, follow_redirects=False) for end in ("/", ""))
        assert (with_.status_code, with_.text) == (200, without.text)
    for path in ("/api/domains/bulk-verify/", "/api/mailboxes"):
        answer = api.call("POST", path, key, json={"email": "jo", "domain": 1}, follow_redirects=False)
        assert answer.status_code == 202
    # What watches a service often asks by HEAD.
    assert api.call("HEAD", "/healthz", None).status_code == 200
    assert api.call("GET", "/", key, follow_redirects=False).status_code == 404
    assert api.call("GET", "/api/nothing/", key, follow_redirects=False).status_code == 404
