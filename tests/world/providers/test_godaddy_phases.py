"""A customer's zone at GoDaddy through the phases and back, by the real CLI and our provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mailtenant.dns import godaddy_api, preflight
from mailtenant.dns.godaddy_form import godaddy_existing
from mailtenant.settings.existing import PHASES
from tests import samples
from world.faulty_server import Fault
from world.godaddy_api import GodaddyApi

from .scratch import CommandFailed, ScratchStack

ZONE = "acme.com"
KEY, SECRET = "key-of-the-tests", "secret-of-the-tests"
FULL = [
    {"name": "@", "type": "A", "data": "192.0.2.80", "ttl": 600},
    {"name": "@", "type": "NS", "data": "ns01.domaincontrol.com", "ttl": 3600},
    {"name": "www", "type": "CNAME", "data": "@", "ttl": 3600},
    {"name": "@", "type": "MX", "data": "mx1.oldhost.example", "priority": 10, "ttl": 14400},
    {"name": "@", "type": "MX", "data": "mx2.oldhost.example", "priority": 20, "ttl": 14400},
    {"name": "@", "type": "TXT", "data": "google-site-verification=abc", "ttl": 3600},
    {"name": "@", "type": "TXT", "data": "v=spf1 include:_spf.oldhost.example -all", "ttl": 3600},
    {"name": "@", "type": "TXT", "data": "MS=ms1234", "ttl": 3600},
    {"name": "_dmarc", "type": "TXT", "data": "v=DMARC1; p=reject; rua=mailto:d@acme.com", "ttl": 600},
    {"name": "old._domainkey", "type": "TXT", "data": "v=DKIM1; p=MIGfMA0", "ttl": 3600},
    {"name": "@", "type": "SRV", "data": "sip.acme.com", "priority": 1, "weight": 2, "port": 5060,
     "service": "_sip", "protocol": "_tcp", "ttl": 900},
]  # fmt: skip
PROGRAM = """
import pathlib, json, pulumi
from components.godaddy import Provider
from components.godaddy_zone import GodaddyZone
from mailtenant.dns.planner import managed_slots, planned_records
from mailtenant.settings import parse_settings
from mailtenant.settings.existing import EXISTING_ADAPTER
P = json.loads(pathlib.Path(__file__).with_name("parameters.json").read_text())
provider = Provider("godaddy", P["KEY"], P["SECRET"], P["URL"])
settings = parse_settings(P["SETTINGS"])
existing = EXISTING_ADAPTER.validate_python(P["EXISTING"])
planned = [r for r in planned_records(settings, existing, P["PHASE"]) if r.owner == "customer"]
GodaddyZone("zone", "acme.com", planned, existing.get("acme.com"), managed_slots(settings, existing)["acme.com"],
    P["PHASE"], pulumi.ResourceOptions(providers=[provider]))
"""


class Customer:
    """One domain at the played GoDaddy, and the stack that manages it."""

    def __init__(self, api: GodaddyApi, stack: ScratchStack) -> None:
        self.api, self.stack = api, stack
        api.keys[KEY] = SECRET
        api.domain(ZONE, FULL)
        self.before = api.snapshot(ZONE)
        held = [godaddy_existing(record, ZONE) for record in FULL if record["type"] not in ("NS", "SOA")]
        document = samples.document("acme", ZONE)
        document["domains"][0]["dns"] = {"provider": "godaddy"}
        self.parameters: dict[str, Any] = {
            "KEY": KEY, "SECRET": SECRET, "URL": api.url, "SETTINGS": document,
            "EXISTING": {
                ZONE: {"taken": "2026-11-01T00:00:00Z", "records": [one.model_dump(mode="json") for one in held]}
            },
        }  # fmt: skip

    def up(self, phase: str) -> str:
        self.api.journal.clear()
        return self.stack.up(**self.parameters, PHASE=phase)

    def now(self) -> list[dict[str, Any]]:
        return self.api.snapshot(ZONE)


def ordered(records: list[dict[str, Any]]) -> list[str]:
    """Whole records in one order, however their fields are ordered."""
    return sorted(json.dumps(record, sort_keys=True) for record in records)


def foreign(records: list[dict[str, Any]]) -> set[str]:
    return {
        json.dumps(record, sort_keys=True)
        for record in records
        if record["type"] != "MX" and not str(record["data"]).startswith(("v=spf1", "v=DMARC1"))
    }


@pytest.fixture
def api() -> Iterator[GodaddyApi]:
    with GodaddyApi() as started:
        yield started


@pytest.fixture
def customer(api: GodaddyApi, bare_stack: Callable[[str], ScratchStack]) -> Customer:
    return Customer(api, bare_stack(PROGRAM))


@pytest.mark.parametrize("reached", PHASES[1:])
def test_each_phase_writes_once_and_the_way_back_gives_the_zone_as_it_was(customer: Customer, reached: str) -> None:
    customer.up("adopted")
    assert customer.api.writes == [] and customer.now() == customer.before
    for phase in PHASES[1 : PHASES.index(reached) + 1]:  # type: ignore[arg-type]
        customer.up(phase)
        assert customer.api.writes, phase
        assert foreign(customer.now()) >= foreign(customer.before), f"a foreign record was touched in {phase}"
    customer.up(reached)
    assert customer.api.writes == [], f"a second up in {reached}"
    customer.up("adopted")
    assert customer.now() == customer.before
    customer.up("adopted")
    assert customer.api.writes == []


def test_a_destroy_gives_back_what_was_there(customer: Customer) -> None:
    customer.up("adopted")
    customer.up("additive")
    with pytest.raises(CommandFailed, match="protected"):
        customer.stack.run("destroy", "--yes", "--skip-preview")
    customer.up("adopted")
    customer.stack.run("destroy", "--yes", "--skip-preview")
    assert customer.now() == customer.before


@pytest.mark.parametrize("kind", ["torn before", "torn after"])
def test_a_connection_that_ends_between_two_writes_is_repaired(customer: Customer, kind: Any) -> None:
    customer.up("adopted")
    customer.api.faults.append(Fault(kind, method="PUT", skip=1, times=99))
    with pytest.raises(CommandFailed, match="run it again"):
        customer.up("additive")
    customer.api.faults.clear()
    customer.up("additive")
    customer.up("additive")
    assert customer.api.writes == []
    customer.up("adopted")
    assert customer.now() == customer.before


def test_what_the_customer_adds_to_a_set_of_ours_stays(customer: Customer) -> None:
    customer.up("adopted")
    customer.up("additive")
    added = {"name": "@", "type": "TXT", "data": "atlassian-domain-verification=x", "ttl": 3600}
    customer.api.domains[ZONE].append(added)
    customer.up("cutover")
    customer.up("adopted")
    assert ordered(customer.now()) == ordered([*customer.before, added])


def test_refusals_are_sentences_without_the_secret(customer: Customer) -> None:
    customer.up("adopted")
    for status, words in ((401, "does not know the API key"), (403, "ten domains"), (422, "refuses the records")):
        customer.api.faults.append(Fault("status", status, "PUT", times=99))
        with pytest.raises(CommandFailed, match=words) as failed:
            customer.up("additive")
        assert SECRET not in str(failed.value) and KEY not in str(failed.value)
        customer.api.faults.clear()
    state = customer.stack.run("stack", "export")
    assert SECRET not in state


def test_rate_limit_and_failures_are_waited_out(customer: Customer) -> None:
    customer.up("adopted")
    faults = [Fault("status", 429, "PUT", retry_after="1"), Fault("status", 503, "GET", retry_after="0")]
    customer.api.faults += faults
    customer.up("additive")
    assert all(fault.times == 0 for fault in faults)


def test_one_changed_record_is_one_read_and_one_write(customer: Customer) -> None:
    for phase in PHASES[:2]:
        customer.up(phase)
    customer.parameters["SETTINGS"]["domains"][0]["tls_reports"] = ["mailto:tls@acme.com"]
    customer.up("additive")
    assert [request.method for request in customer.api.journal] == ["GET", "PUT"]


def test_a_host_that_the_zone_calls_by_its_sign_comes_back_as_it_was(
    api: GodaddyApi, bare_stack: Callable[[str], ScratchStack]
) -> None:
    """`@` as a target is the domain itself; GoDaddy keeps it so."""
    FULL.append({"name": "@", "type": "MX", "data": "@", "priority": 30, "ttl": 14400})
    try:
        customer = Customer(api, bare_stack(PROGRAM))
    finally:
        FULL.pop()
    customer.up("adopted")
    assert customer.api.writes == []
    for phase in ("additive", "cutover", "adopted"):
        customer.up(phase)
    assert customer.now() == customer.before


def test_a_killed_run_is_finished_by_the_next(customer: Customer) -> None:
    customer.up("adopted")
    customer.stack.killed_up(customer.api, writes=2, **customer.parameters, PHASE="additive")
    customer.up("additive")
    customer.up("additive")
    assert customer.api.writes == []
    customer.up("adopted")
    assert customer.now() == customer.before


def test_after_the_cut_over_the_key_of_before_still_pushes_and_repushes(customer: Customer) -> None:
    for phase in PHASES:
        customer.up(phase)
    moved = ordered(customer.now())
    customer.up(PHASES[-1])
    assert customer.api.writes == [] and ordered(customer.now()) == moved  # push
    held = customer.api.domains[ZONE]
    held[:] = [record for record in held if record["type"] != "MX"]
    customer.stack.run("up", "--refresh", "--yes", "--skip-preview")  # repush, as the API's task does it
    assert ordered(customer.now()) == moved
    # GoDaddy's records have no ids: one that was edited is ours gone and a stranger's come, and the stranger's stays.
    for record in customer.api.domains[ZONE]:
        if record["type"] == "MX":
            record["data"] = "somebody.elsewhere.example"
    customer.stack.run("up", "--refresh", "--yes", "--skip-preview")
    exchanges = {record["data"] for record in customer.now() if record["type"] == "MX"}
    assert exchanges == {"acme.outboxment.test", "somebody.elsewhere.example"}
    api = godaddy_api.Api(KEY, SECRET, customer.api.url)
    assert all(finding.ok for finding in preflight.godaddy(api, ZONE))
