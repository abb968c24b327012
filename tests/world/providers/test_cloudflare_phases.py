"""A customer's zone at Cloudflare through the phases and back, by the real CLI: what is written, and what never is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mailtenant.dns import cloudflare_api, preflight
from mailtenant.dns.cloudflare_form import cloudflare_existing
from mailtenant.settings.existing import PHASES
from tests import samples
from world.cloudflare_api import CloudflareApi
from world.faulty_server import Fault

from .scratch import CommandFailed, ScratchStack

ZONE = "acme.com"
FULL = [
    {"name": ZONE, "type": "A", "content": "192.0.2.80", "ttl": 1, "proxied": True},
    {"name": "www.acme.com", "type": "CNAME", "content": "acme.com", "ttl": 1, "proxied": True},
    {"name": ZONE, "type": "MX", "content": "mx1.oldhost.example", "priority": 10, "ttl": 14400, "comment": "first"},
    {"name": ZONE, "type": "MX", "content": "mx2.oldhost.example", "priority": 20, "ttl": 14400, "tags": ["owner:it"]},
    {"name": ZONE, "type": "TXT", "content": "v=spf1 include:_spf.oldhost.example -all", "ttl": 3600},
    {"name": ZONE, "type": "TXT", "content": '"google-site-verification=abc"', "ttl": 3600},
    {"name": "_dmarc.acme.com", "type": "TXT", "content": '"v=DMARC1; p=reject; rua=mailto:d@acme.com"', "ttl": 600},
    {"name": "old._domainkey.acme.com", "type": "TXT", "content": '"v=DKIM1; p=MIGfMA0"', "ttl": 3600},
    {"name": "_sip._tcp.acme.com", "type": "SRV", "ttl": 900,
     "data": {"priority": 1, "weight": 2, "port": 5060, "target": "sip.acme.com"}},
]  # fmt: skip
OURS = {("MX", ZONE), ("TXT", ZONE), ("TXT", "_dmarc.acme.com")}
PROGRAM = """
import pathlib, json, pulumi, pulumi_cloudflare as cloudflare
from components.cloudflare_zone import CloudflareZone
from components.last_state import last_outputs
from mailtenant.dns.planner import planned_records
from mailtenant.settings import parse_settings
from mailtenant.settings.existing import EXISTING_ADAPTER
P = json.loads(pathlib.Path(__file__).with_name("parameters.json").read_text())
provider = cloudflare.Provider("cloudflare", api_token=pulumi.Output.secret(P["TOKEN"]), base_url=P["URL"])
settings = parse_settings(P["SETTINGS"])
existing = EXISTING_ADAPTER.validate_python(P["EXISTING"])
planned = [r for r in planned_records(settings, existing, P["PHASE"]) if r.owner == "customer"]
zone = CloudflareZone("zone", P["ID"], planned, existing.get("acme.com"), P["PHASE"],
    last_outputs().get("adopted", []), "mailtenant acme", pulumi.ResourceOptions(providers=[provider]))
pulumi.export("adopted", zone.adopted)
"""


class Customer:
    """One zone at the played Cloudflare, and the stack that manages it."""

    def __init__(self, api: CloudflareApi, stack: ScratchStack, records: list[dict[str, Any]]) -> None:
        self.api, self.stack = api, stack
        self.id = api.zone(ZONE, records)
        self.before = api.snapshot(self.id)
        held = [cloudflare_existing(record) for record in api.records[self.id].values()]
        self.existing = {
            ZONE: {"taken": "2026-11-01T00:00:00Z", "records": [record.model_dump(mode="json") for record in held]}
        }
        document = samples.document("acme", ZONE)
        document["domains"][0]["dns"] = {"provider": "cloudflare", "zone_id": self.id}
        self.parameters = {
            "TOKEN": api.token(self.id), "URL": api.base_url, "SETTINGS": document, "EXISTING": self.existing,
            "ID": self.id,
        }  # fmt: skip

    def up(self, phase: str) -> str:
        self.api.journal.clear()
        return self.stack.up(**self.parameters, PHASE=phase)

    def now(self) -> list[dict[str, Any]]:
        return self.api.snapshot(self.id)

    def foreign(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        ours = [r for r in records if (r["type"], r["name"]) in OURS and "verification" not in r["content"]]
        return [r for r in records if r not in ours]


@pytest.fixture
def api() -> Iterator[CloudflareApi]:
    with CloudflareApi() as started:
        yield started


@pytest.fixture
def customer(api: CloudflareApi, bare_stack: Callable[[str], ScratchStack]) -> Customer:
    return Customer(api, bare_stack(PROGRAM), FULL)


@pytest.mark.parametrize("reached", PHASES[1:])
def test_each_phase_writes_once_and_the_way_back_gives_the_zone_as_it_was(customer: Customer, reached: str) -> None:
    customer.up("adopted")
    assert customer.api.writes == [] and customer.now() == customer.before
    for phase in PHASES[1 : PHASES.index(reached) + 1]:  # type: ignore[arg-type]
        customer.up(phase)
        assert customer.api.writes, phase
        before = [json.dumps(one, sort_keys=True) for one in customer.foreign(customer.before)]
        after = {json.dumps(one, sort_keys=True) for one in customer.now()}
        assert after.issuperset(before), f"a foreign record was touched in {phase}"
    customer.up(reached)
    assert customer.api.writes == [], f"a second up in {reached}"
    customer.up("adopted")
    assert customer.now() == customer.before
    customer.up("adopted")
    assert customer.api.writes == []


def test_a_phase_before_adoption_is_refused_and_writes_nothing(customer: Customer) -> None:
    with pytest.raises(CommandFailed, match="in the phase `adopted` first"):
        customer.up("additive")
    assert customer.api.writes == [] and customer.now() == customer.before


@pytest.mark.parametrize("kind", ["torn before", "torn after"])
def test_a_connection_that_ends_between_two_writes_is_repaired_by_the_next_up(customer: Customer, kind: Any) -> None:
    customer.up("adopted")
    customer.api.faults.append(Fault(kind, method="POST"))
    if kind == "torn before":
        with pytest.raises(CommandFailed, match="run it again"):
            customer.up("additive")
    customer.up("additive")  # where only the answer was lost, the plugin finds what it wrote
    assert customer.api.faults[0].times == 0
    held = customer.now()
    assert len({(r["name"], r["type"], r["content"]) for r in held}) == len(held)
    customer.up("additive")
    assert customer.api.writes == []
    customer.up("adopted")
    assert customer.now() == customer.before


def test_the_token_is_in_no_output_and_its_refusal_says_what_to_do(customer: Customer) -> None:
    customer.up("adopted")
    customer.api.tokens.clear()
    with pytest.raises(CommandFailed, match="Cloudflare does not know the API token") as failed:
        customer.up("additive")
    seen = [str(failed.value), customer.stack.run("stack", "export"), customer.stack.run("preview", "--diff")]
    assert not any(customer.parameters["TOKEN"] in text for text in seen)


def test_rate_limit_and_failures_of_the_api_are_waited_out(customer: Customer) -> None:
    customer.up("adopted")
    faults = [Fault("status", 429, "POST", retry_after="1"), Fault("status", 503, "PUT", retry_after="0")]
    customer.api.faults += faults
    customer.up("additive")
    assert all(fault.times == 0 for fault in faults)
    assert customer.now() != customer.before
    customer.up("additive")
    assert customer.api.writes == []


def test_one_changed_record_is_one_write(customer: Customer) -> None:
    for phase in PHASES[:2]:
        customer.up(phase)
    customer.parameters["SETTINGS"]["domains"][0]["tls_reports"] = ["mailto:tls@acme.com"]
    customer.up("additive")
    assert [request.method for request in customer.api.journal] == ["POST"]


def test_a_killed_run_is_finished_by_the_next(customer: Customer) -> None:
    customer.up("adopted")
    customer.stack.killed_up(customer.api, writes=2, **customer.parameters, PHASE="additive")
    customer.up("additive")
    held = customer.now()
    assert len({(r["name"], r["type"], r["content"]) for r in held}) == len(held)
    customer.up("additive")
    assert customer.api.writes == []
    customer.up("adopted")
    assert customer.now() == customer.before


def test_a_proxied_alias_at_a_name_that_we_need_loses_its_proxy_and_gets_it_back(
    api: CloudflareApi, bare_stack: Callable[[str], ScratchStack]
) -> None:
    """`auto` is the only TTL of a proxied record; clients of mail cannot come through the proxy."""
    proxied: dict[str, Any] = {
        "name": "autoconfig.acme.com",
        "type": "CNAME",
        "content": "old.example",
        "ttl": 1,
        "proxied": True,
    }
    proxied |= {"proxied": True, "settings": {"flatten_cname": True}}
    customer = Customer(api, bare_stack(PROGRAM), [*FULL, proxied])
    document = customer.parameters["SETTINGS"]
    document["domains"][0]["autoconfig"] = True
    document["tls"]["web_chain"] = samples.web_certificate(*samples.names_of(samples.settings("acme", ZONE)))[1]
    seen = {}
    for phase in (*PHASES, "adopted"):
        customer.up(phase)
        (seen[phase],) = [r for r in customer.now() if r["name"] == "autoconfig.acme.com"]
    assert seen["additive"]["proxied"] and seen["additive"]["content"] == "old.example"
    assert not seen["cutover"]["proxied"] and seen["cutover"]["content"] == "acme.outboxment.test"
    assert customer.now() == customer.before


def test_after_the_cut_over_the_key_of_before_still_pushes_repushes_and_cleans(customer: Customer) -> None:
    for phase in PHASES:
        customer.up(phase)
    moved = customer.now()
    customer.up(PHASES[-1])
    assert customer.api.writes == [] and customer.now() == moved  # push
    for record in customer.api.records[customer.id].values():
        if record["type"] == "MX":
            record["content"] = "somebody.elsewhere.example"
    assert customer.now() != moved
    customer.stack.run("up", "--refresh", "--yes", "--skip-preview")  # repush, as the API's task does it
    assert customer.now() == moved
    api = cloudflare_api.Api(customer.parameters["TOKEN"], customer.api.base_url)
    assert all(finding.ok for finding in preflight.cloudflare(api, customer.id, ZONE))
    customer.up("adopted")  # clean
    assert customer.now() == customer.before
