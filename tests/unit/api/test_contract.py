"""The contract: the committed OpenAPI document, and that nothing of it changes with a customer's move."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mailtenant.api.userinfo import UserInfo
from mailtenant.control import migrations
from mailtenant.control.plane import ControlPlane
from mailtenant.migration import State, events
from tests.golden import assert_golden
from tests.unit.api.service import Service, service
from tests.unit.control.planes import (
    ACTOR,
    HOST,
    SHARED,
    advance,
    clock_of,
    plane_for,
    ready_customer,
    settings_for,
)  # fmt: skip
from tests.unit.migration.examples import EQUAL

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"
STAGES = ("before", "during", "after", "rolled back")
READS = ("/api/userinfo/", "/api/domains/", "/api/domains/acme.test", "/api/domains/acme.test/plan", "/api/migration/")
OLD_FIELDS = {"ibx_smtp", "ibx_imap"}


def _shape(value: Any) -> Any:
    """Names of fields and kinds of values; what is not known yet may be null."""
    if isinstance(value, dict):
        return {name: _shape(inner) for name, inner in sorted(value.items()) if inner is not None and inner != {}}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return type(value).__name__


def _fields(value: Any) -> Any:
    return sorted(value) if isinstance(value, dict) else [sorted(one) for one in value]


def _to(plane: ControlPlane, stage: str) -> None:
    match stage:
        case "during":
            advance(plane, "acme", State.FROZEN)
        case "after":
            migrations.apply_event(plane, "acme", events.CutOver(EQUAL), actor="workflow")
        case "rolled back":
            for event in (events.RollBack("wanted"), events.FlipBack(EQUAL), events.RolledBack()):
                migrations.apply_event(plane, "acme", event, actor=ACTOR)


def test_the_openapi_document_is_the_committed_one(api: Service) -> None:
    document = api.client.get("/api/openapi.json").json()
    assert_golden(DOCUMENT, json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


def test_paths_fields_and_the_key_are_the_same_before_during_and_after(api: Service) -> None:
    ready_customer(api.plane)
    key = api.key()
    contract = api.client.get("/api/openapi.json").text
    found: dict[str, list[Any]] = {path: [] for path in READS}
    hosts = []
    for stage in STAGES:
        _to(api.plane, stage)
        assert api.client.get("/api/openapi.json").text == contract
        for path in READS:
            answer = api.get(path, key)
            assert answer.status_code == 200, (stage, path)
            found[path].append(_fields(answer.json()))
        shown = api.get("/api/userinfo/", key).json()
        hosts.append((shown["ibx_smtp"], shown["ibx_imap"]))
        created = api.call("POST", "/api/domains/bulk-verify", key, json={})
        name = stage.replace(" ", "-")
        domain = api.call("POST", "/api/domains/", key, json={"name": f"{name}.example.org"})
        number = api.get("/api/domains/", key).json()[0]["id"]
        mailbox = api.call("POST", "/api/mailboxes/", key, json={"email": name, "domain": number})
        for started in (created, domain, mailbox):
            assert (started.status_code, set(started.json())) == (202, {"task_id", "id", "password"})
    for path, shapes in found.items():
        assert all(shape == shapes[0] for shape in shapes), path
    assert hosts == [(SHARED, SHARED), (SHARED, SHARED), (HOST, HOST), (SHARED, SHARED)]


def test_userinfo_has_the_old_fields_as_bare_hosts_and_ours_beside_them(api: Service) -> None:
    ready_customer(api.plane)
    answer = api.get("/api/userinfo/", api.key())
    shown = answer.json()
    assert set(shown) > OLD_FIELDS
    assert shown == {
        "ibx_smtp": SHARED, "ibx_imap": SHARED, "smtp_port": 465, "imap_port": 993, "security": "tls",
        "migration_status": "requested", "tenant_host": HOST,
    }  # fmt: skip
    # Nothing at run time holds the answer against its schema.
    assert UserInfo.model_validate(shown, strict=True, extra="forbid").model_dump() == shown
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "private, max-age=30"
    assert "Authorization" in answer.headers["Vary"]


def test_the_old_hosts_names_are_a_setting_and_each_is_a_bare_host(url: str, tmp_path: Path) -> None:
    plane = plane_for(url, tmp_path, shared_smtp_host="out.old.example", shared_imap_host="in.old.example")
    try:
        with service(plane) as api:
            ready_customer(plane)
            shown = api.get("/api/userinfo/", api.key()).json()
            assert (shown["ibx_smtp"], shown["ibx_imap"]) == ("out.old.example", "in.old.example")
            seen = []
            for stage in STAGES[1:]:
                _to(plane, stage)
                now = api.get("/api/userinfo/", api.key()).json()
                seen.append((now["ibx_smtp"], now["ibx_imap"]))
            old = ("out.old.example", "in.old.example")
            assert seen == [old, (HOST, HOST), old]
    finally:
        plane.close()


@pytest.mark.parametrize("host", ["https://mail.old.example", "mail.old.example:993", "mail old", "mail", ""])
def test_what_is_no_bare_host_is_refused_as_the_old_hosts_name(url: str, tmp_path: Path, host: str) -> None:
    with pytest.raises(ValidationError):
        settings_for(url, tmp_path, shared_smtp_host=host)


@pytest.mark.parametrize("state", [state for state in State if state is not State.FAILED])
def test_userinfo_is_right_in_every_state(api: Service, state: State) -> None:
    ready_customer(api.plane)
    key = api.key()
    plane = api.plane
    early = {State.DEFERRED: events.Defer, State.OPTED_OUT: events.OptOut}
    if state in early:
        until = clock_of(plane).at.replace(year=2027)
        migrations.apply_event(plane, "acme", early[state](until, "busy"), actor=ACTOR)
    elif state in (State.ROLLING_BACK, State.ROLLED_BACK):
        advance(plane, "acme", State.HOLDING)
        migrations.apply_event(plane, "acme", events.RollBack("wanted"), actor=ACTOR)
        if state is State.ROLLED_BACK:
            for event in (events.FlipBack(EQUAL), events.RolledBack()):
                migrations.apply_event(plane, "acme", event, actor=ACTOR)
    elif state is not State.REQUESTED:
        advance(plane, "acme", state)
    moved = (State.CUT_OVER, State.VERIFYING, State.HOLDING, State.COMPLETED, State.ROLLING_BACK)
    wanted = HOST if state in moved else SHARED
    shown = api.get("/api/userinfo/", key).json()
    assert (shown["ibx_smtp"], shown["ibx_imap"], shown["migration_status"]) == (wanted, wanted, state.value)
