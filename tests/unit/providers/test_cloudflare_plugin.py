"""The drop-in Cloudflare plugin over gRPC, against the played API: the rows of what the official provider does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from inspect import signature
from typing import Any

import grpc
import pulumi_cloudflare as cloudflare_sdk
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2

from mailtenant.dns.cloudflare_form import cloudflare_form
from mailtenant.dns.managed import planned_records
from providers.shared.values import plain_map
from tests.unit.dns.examples import ZONE, tenant
from world.cloudflare_api import CloudflareApi

from .conftest import TREE, Plugin, properties, urn

RECORD = "cloudflare:index/dnsRecord:DnsRecord"
SPF = '"v=spf1 -all"'


class Cloudflare(Plugin):
    """One zone at the played API."""

    api: CloudflareApi
    zone: str

    def inputs(self, **changes: Any) -> dict[str, Any]:
        base = {"zoneId": self.zone, "name": "acme.com", "type": "TXT", "content": SPF, "ttl": 300}
        return {key: value for key, value in (base | changes).items() if value is not None}

    def made(self, **changes: Any) -> tuple[str, dict[str, Any]]:
        answer = self.create(RECORD, properties(self.inputs(**changes)))
        return answer.id, plain_map(PropertyValue.unmarshal_map(answer.properties))

    def read(self, id_: str, state: dict[str, Any], inputs: dict[str, Any]) -> Any:
        return self.stub.Read(provider_pb2.ReadRequest(
            id=id_, urn=urn(RECORD), properties=properties(state), inputs=properties(inputs)))  # fmt: skip

    def diff(self, state: dict[str, Any], inputs: dict[str, Any]) -> Any:
        request = provider_pb2.DiffRequest(id="x", urn=urn(RECORD), olds=properties(state), news=properties(inputs))
        return self.stub.Diff(request)


@pytest.fixture
def cloudflare() -> Iterator[Cloudflare]:
    process = subprocess.Popen(
        [sys.executable, "-m", "providers.offline.cloudflare", "127.0.0.1:1"],
        cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        started = Cloudflare(process.stdout.readline().strip())
        with CloudflareApi() as api:
            started.api, started.zone = api, api.zone("acme.com")
            started.configure(apiToken=api.token(started.zone), baseUrl=api.base_url)
            yield started
        started.channel.close()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_a_record_is_created_as_it_is_given(cloudflare: Cloudflare) -> None:
    id_, state = cloudflare.made()
    held = cloudflare.api.records[cloudflare.zone][id_]
    assert (held["content"], held["ttl"], held["proxied"]) == (SPF, 300, False) and state["content"] == SPF
    assert not cloudflare.diff(state, cloudflare.inputs()).diffs


def test_a_change_is_one_put_of_the_whole_record(cloudflare: Cloudflare) -> None:
    id_, state = cloudflare.made(comment="ours")
    cloudflare.api.journal.clear()
    new = cloudflare.inputs(comment="ours", ttl=600)
    assert list(cloudflare.diff(state, new).diffs) == ["ttl"]
    cloudflare.stub.Update(
        provider_pb2.UpdateRequest(id=id_, urn=urn(RECORD), olds=properties(state), news=properties(new))
    )
    (request,) = cloudflare.api.journal
    assert request.method == "PUT" and request.body["settings"] == {} and request.body["tags"] == []
    assert request.body["comment"] == "ours" and request.body["ttl"] == 600


def test_previews_ask_nobody(cloudflare: Cloudflare) -> None:
    cloudflare.create(RECORD, properties(cloudflare.inputs()), preview=True)
    assert not cloudflare.api.journal


def test_a_text_without_quotes_is_quiet_until_a_refresh(cloudflare: Cloudflare) -> None:
    inputs = cloudflare.inputs(content="v=spf1 -all")
    id_, state = cloudflare.made(content="v=spf1 -all")
    cloudflare.api.records[cloudflare.zone][id_]["content"] = SPF
    assert not cloudflare.diff(state, inputs).diffs
    seen = plain_map(PropertyValue.unmarshal_map(cloudflare.read(id_, state, inputs).properties))
    assert list(cloudflare.diff(seen, inputs).diffs) == ["content"]


def test_a_record_removed_by_hand_is_gone_and_its_deletion_is_fine(cloudflare: Cloudflare) -> None:
    id_, state = cloudflare.made()
    cloudflare.api.records[cloudflare.zone].clear()
    assert cloudflare.read(id_, state, cloudflare.inputs()).id == ""
    cloudflare.stub.Delete(provider_pb2.DeleteRequest(id=id_, urn=urn(RECORD), properties=properties(state)))


def test_an_import_gives_back_the_inputs_of_the_live_record(cloudflare: Cloudflare) -> None:
    record = {"name": "acme.com", "type": "MX", "content": "mx.old.example", "priority": 10, "ttl": 1, "tags": ["a:b"]}
    zone = cloudflare.api.zone("acme.com", [record])
    token = cloudflare.api.token(zone)
    cloudflare.configure(apiToken=token, baseUrl=cloudflare.api.base_url)
    (id_,) = cloudflare.api.records[zone]
    answer = cloudflare.read(f"{zone}/{id_}", {}, {})
    found = plain_map(PropertyValue.unmarshal_map(answer.inputs))
    assert answer.id == id_ and found == {**record, "zoneId": zone}
    assert not cloudflare.api.writes


def test_a_record_equal_to_ours_is_taken_only_with_our_comment(cloudflare: Cloudflare) -> None:
    first, _ = cloudflare.made(comment="mailtenant acme")
    assert cloudflare.made(comment="mailtenant acme")[0] == first
    theirs = cloudflare.made(name="www.acme.com")
    assert theirs
    with pytest.raises(grpc.RpcError) as refused:
        cloudflare.made(name="www.acme.com", comment="mailtenant acme")
    assert "81058" in refused.value.details()


@pytest.mark.parametrize(("changes", "path"), [
    ({"type": "CAA"}, "type"), ({"ttl": 29}, "ttl"), ({"content": None}, "content"),
    ({"privateRouting": True}, "privateRouting"),
    ({"name": None}, "name"), ({"data": {"flags": 1}, "content": None}, "data.flags"),
])  # fmt: skip
def test_what_it_does_not_implement_is_refused_by_name(cloudflare: Cloudflare, changes: Any, path: str) -> None:
    answer = cloudflare.check(RECORD, cloudflare.inputs(**changes))
    assert [failure.property for failure in answer.failures] == [path]


def test_another_resource_and_an_open_url_are_refused(cloudflare: Cloudflare) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        cloudflare.check("cloudflare:index/zone:Zone", {})
    assert "does not implement" in refused.value.details()
    with pytest.raises(grpc.RpcError) as refused:
        cloudflare.configure(apiToken="x", baseUrl="http://api.example.com")
    assert "https://" in refused.value.details()


def test_settings_of_a_record_go_there_and_come_back(cloudflare: Cloudflare) -> None:
    alias = {"type": "CNAME", "name": "a.acme.com", "content": "b.example", "settings": {"flattenCname": True}}
    id_, state = cloudflare.made(**alias)
    assert cloudflare.api.records[cloudflare.zone][id_]["settings"] == {"flatten_cname": True}
    inputs = cloudflare.inputs(**alias)
    read = plain_map(PropertyValue.unmarshal_map(cloudflare.read(id_, state, inputs).inputs))
    assert read["settings"] == {"flattenCname": True}
    assert not cloudflare.diff(state, inputs).diffs
    assert list(cloudflare.diff(state, cloudflare.inputs(**{**alias, "settings": None})).diffs) == ["settings"]


def test_every_planned_form_is_what_the_official_sdk_takes() -> None:
    """Names and types by the SDK's own signatures, which are made from the official provider's schema."""
    settings = tenant("cloudflare", dkim_mode="cname", no_mail=[f"no.{ZONE}"], tls_reports=["mailto:t@acme.com"])
    wanted = signature(cloudflare_sdk.DnsRecordArgs).parameters
    data = signature(cloudflare_sdk.DnsRecordDataArgs).parameters
    seen = set()
    for record in planned_records(settings):
        form = cloudflare_form(record)
        seen.add(record.type)
        for names, values in ((wanted, {**form, "zone_id": "0" * 32, "comment": "x"}), (data, form.get("data", {}))):
            for key, value in values.items():
                if key != "data":
                    kind = "float" if isinstance(value, int) and not isinstance(value, bool) else type(value).__name__
                    assert kind in str(names[key].annotation), (key, names[key])
        assert not str(form.get("content", "")).endswith(".") or form["content"] == "."
    assert seen >= {"A", "CNAME", "MX", "SRV", "TXT"}
