"""The plugin's process over gRPC: what the Pulumi engine asks and gets, without any Docker engine."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import plugin_pb2, provider_pb2

from providers.shared.values import UNKNOWN

from .conftest import TREE, Plugin, properties, urn

CONTAINER = "docker:index/container:Container"
IMAGE = "docker:index/remoteImage:RemoteImage"
SECRET = "s3cret-s3cret"


def values(struct: Any) -> dict[str, PropertyValue]:
    return PropertyValue.unmarshal_map(struct)


def test_a_resource_below_components_is_known_by_its_own_type(plugin: Plugin) -> None:
    below = "mailtenant:index:TenantMail$mailtenant:index:Edge$docker:index/volume:Volume"
    answer = plugin.check(below, {"name": "v"})
    assert not answer.failures
    assert plugin.create(below, answer.inputs, preview=True)


def test_it_says_the_version_of_the_sdk(plugin: Plugin) -> None:
    assert plugin.stub.GetPluginInfo(empty_pb2.Empty()).version == "5.2.0"


def test_who_asks_for_its_schema_hears_how_to_import_without(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as error:
        plugin.stub.GetSchema(provider_pb2.GetSchemaRequest(version=0))
    assert error.value.details().endswith("use `pulumi import --generate-code=false`")


def test_a_debugger_may_attach(plugin: Plugin) -> None:
    plugin.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))


def test_configure_reaches_for_no_engine_and_takes_secrets(plugin: Plugin) -> None:
    answer = plugin.configure(host="unix:///nonexistent/docker.sock")
    assert answer.acceptSecrets and answer.supportsPreview and not answer.acceptOutputs


def test_configuration_that_it_does_not_know_is_refused(plugin: Plugin) -> None:
    request = provider_pb2.CheckRequest(
        urn="urn:pulumi:t::p::pulumi:providers:docker::d", news=properties({"context": "x"})
    )
    failures = plugin.stub.CheckConfig(request).failures
    assert [failure.property for failure in failures] == ["context"]
    with pytest.raises(grpc.RpcError) as error:
        plugin.configure(host="npipe:////./pipe/docker")
    assert "docker:host" in error.value.details()


def test_one_secret_upload_makes_the_whole_list_secret(plugin: Plugin) -> None:
    uploads = PropertyValue(
        [
            PropertyValue({"file": PropertyValue("/a"), "content": PropertyValue("plain")}),
            PropertyValue({"file": PropertyValue("/b"), "content": PropertyValue(SECRET, is_secret=True)}),
        ]
    )
    news = PropertyValue.marshal_map({"image": PropertyValue("i"), "uploads": uploads})
    checked = values(plugin.stub.Check(provider_pb2.CheckRequest(urn=urn(CONTAINER), news=news)).inputs)
    assert checked["uploads"].is_secret
    assert not checked["image"].contains_secret()


def test_a_preview_of_a_creation_touches_nothing_and_keeps_secrets(plugin: Plugin) -> None:
    checked = plugin.check(CONTAINER, {"image": UNKNOWN, "uploads": [{"file": "/a", "content": SECRET}]}, ("uploads",))
    assert not checked.failures
    answer = plugin.create(CONTAINER, checked.inputs, preview=True)
    planned = values(answer.properties)
    assert answer.id == ""
    assert planned["uploads"].is_secret
    assert planned["hostname"].value == UNKNOWN and planned["networkDatas"].value == UNKNOWN
    assert planned["restart"].value == "no"
    assert "__defaults" not in planned


def test_a_preview_of_an_image_does_not_know_its_id(plugin: Plugin) -> None:
    checked = plugin.check(IMAGE, {"name": "mailtenant/smtp:1"})
    assert values(plugin.create(IMAGE, checked.inputs, preview=True).properties)["imageId"].value == UNKNOWN


def test_a_preview_of_an_update_touches_nothing(plugin: Plugin) -> None:
    old = plugin.check(CONTAINER, {"image": "i", "name": "n", "memory": 1}).inputs
    new = plugin.check(CONTAINER, {"image": "i", "name": "n", "memory": 2}).inputs
    state = properties({"image": "i", "name": "n", "memory": 1, "hostname": "kept"})
    request = provider_pb2.UpdateRequest(id="x", urn=urn(CONTAINER), olds=state, old_inputs=old, news=new, preview=True)
    planned = values(plugin.stub.Update(request).properties)
    assert planned["memory"].value == 2 and planned["hostname"].value == "kept"


def test_diff_says_path_kind_and_replaced_inputs(plugin: Plugin) -> None:
    new = plugin.check(CONTAINER, {"image": "other", "name": "n", "memory": 2, "logOpts": {"a.b": "c"}}).inputs
    state = values(plugin.check(CONTAINER, {"image": "i", "name": "n", "memory": 1}).inputs)
    request = provider_pb2.DiffRequest(id="x", urn=urn(CONTAINER), olds=PropertyValue.marshal_map(state), news=new)
    answer = plugin.stub.Diff(request)
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert not answer.deleteBeforeReplace
    assert sorted(answer.diffs) == ["image", "logOpts", "memory"]
    assert sorted(answer.replaces) == ["image", "logOpts"]
    assert {path: one.kind for path, one in answer.detailedDiff.items()} == {
        "image": provider_pb2.PropertyDiff.UPDATE_REPLACE,
        "logOpts": provider_pb2.PropertyDiff.ADD_REPLACE,
        "memory": provider_pb2.PropertyDiff.UPDATE,
    }


def test_diff_leaves_out_what_the_program_ignores(plugin: Plugin) -> None:
    new = plugin.check(CONTAINER, {"image": "other", "name": "n", "logOpts": {"a": "b"}}).inputs
    state = plugin.check(CONTAINER, {"image": "i", "name": "n", "logOpts": {"a": "c"}}).inputs
    request = provider_pb2.DiffRequest(id="x", urn=urn(CONTAINER), olds=state, news=new, ignoreChanges=["logOpts"])
    assert list(plugin.stub.Diff(request).detailedDiff) == ["image"]


@pytest.mark.parametrize("call", ["create", "read", "delete"])
def test_an_engine_that_does_not_answer_is_one_clear_sentence(plugin: Plugin, call: str) -> None:
    checked = plugin.check(CONTAINER, {"image": "i", "name": "n"}).inputs
    with pytest.raises(grpc.RpcError) as error:
        if call == "create":
            plugin.create(CONTAINER, checked)
        elif call == "read":
            plugin.stub.Read(provider_pb2.ReadRequest(id="x", urn=urn(CONTAINER), properties=checked, inputs=checked))
        else:
            plugin.stub.Delete(provider_pb2.DeleteRequest(id="x", urn=urn(CONTAINER), properties=checked))
    said = error.value.details()
    assert "the Docker engine at unix:///nonexistent/docker.sock does not answer (No such file or directory)" in said
    assert "start it, or set docker:host or DOCKER_HOST" in said
    assert "\n" not in said and "Traceback" not in said and "Error(" not in said


def test_a_type_that_is_not_implemented_is_refused_everywhere(plugin: Plugin) -> None:
    failures = plugin.check("docker:index/service:Service", {}).failures
    assert "does not implement docker:index/service:Service" in failures[0].reason
    with pytest.raises(grpc.RpcError) as error:
        plugin.create("docker:index/service:Service", properties({}))
    assert "does not implement docker:index/service:Service" in error.value.details()


def test_it_starts_fast_because_docker_is_imported_only_for_work() -> None:
    code = "import sys, providers.offline.docker.server; print('docker' in sys.modules, 'requests' in sys.modules)"
    begin = time.monotonic()
    ran = subprocess.run([sys.executable, "-c", code], cwd=TREE, capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout.split() == ["False", "False"]
    assert time.monotonic() - begin < 10  # 0.3 s alone on a quiet machine


def test_run_by_hand_it_says_who_runs_it() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "providers.offline.docker"], cwd=TREE, capture_output=True, text=True, timeout=30
    )
    assert ran.returncode != 0 and ran.stdout == ""
    assert "Pulumi CLI starts this plugin" in ran.stderr
