"""The plugin's table of inputs against the official schema (`official_schema.json`, the part of it that counts)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from providers.offline.docker.inputs import PROVIDER, RESOURCES, Input

REDUCED = Path(__file__).with_name("official_schema.json")
FULL = Path(__file__).resolve().parents[4] / "shared" / "schemas" / "pulumi-docker.json"

KINDS = {
    "string": {"string"},
    "integer": {"integer"},
    "boolean": {"boolean"},
    "list": {"[string]"},
    "set": {"[string]"},
    "map": {"{string}"},
    "object": {"object"},
    "objects": {"objects"},
}

NOT_IMPLEMENTED = {
    "docker:index/network:Network": {"ingress", "ipamOptions"},
    "docker:index/volume:Volume": {"cluster"},
    "docker:index/remoteImage:RemoteImage": {"build", "platform"},
    "docker:index/container:Container": {
        "cgroupnsMode", "cpuPeriod", "cpuQuota", "cpus", "deviceReadBps", "deviceReadIops", "deviceRequests",
        "deviceWriteBps", "deviceWriteIops", "devices", "gpus", "mounts", "pidMode", "platform", "privileged",
        "publishAllPorts", "runtime", "storageOpts", "usernsMode",
    },
}  # fmt: skip
"""Refused by Check. A change of this list is a decision, not an accident."""

NOT_IMPLEMENTED_INSIDE = {
    "ipamConfigs": {"auxAddress"},
    "networksAdvanced": {"driverOpts", "gwPriority", "linkLocalIps", "macAddress"},
    "volumes": {"fromContainer", "selinuxRelabel"},
    "uploads": {"source", "sourceHash"},
    "healthcheck": {"startInterval"},
}

KEPT_BY_RULE = {"user", "workingDir"}
"""Not computed in the schema; the official plugin suppresses the difference when the program leaves them out."""

DEFAULTS_NOT_IN_THE_TEXTS = {"containerReadRefreshTimeoutMilliseconds": 15000}
DEFAULTS_OF_THE_ENGINE = {"driver", "stopSignal", "ipv6"}
"""The texts name them, but the official plugin leaves them to the engine (or nothing is the same as the default)."""


def official() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(REDUCED.read_text())
    return loaded


@pytest.mark.parametrize("type_", sorted(RESOURCES))
def test_every_official_input_is_either_implemented_or_refused(type_: str) -> None:
    names = set(official()[type_]["inputs"])
    assert set(RESOURCES[type_]) == names - NOT_IMPLEMENTED[type_]
    assert names >= NOT_IMPLEMENTED[type_]


@pytest.mark.parametrize("type_", sorted(RESOURCES))
def test_types_requirements_and_replacing_agree_with_the_official_schema(type_: str) -> None:
    compare(type_, RESOURCES[type_], official()[type_]["inputs"])


def test_the_providers_inputs_are_official() -> None:
    for name, item in PROVIDER.items():
        assert official()["provider"]["inputs"][name]["type"] == item.kind


def compare(where: str, table: Mapping[str, Input], schema: Mapping[str, Any]) -> None:
    for name, item in table.items():
        told = schema[name]
        path = f"{where}.{name}"
        assert told["type"] in KINDS[item.kind], path
        assert told.get("required", False) == item.required or path.endswith(OURS_REQUIRED), path
        assert told["replaces"] == item.replaces, path
        if told.get("computed"):
            assert item.kept, f"{path} is computed: leaving it out must not be a difference"
        elif item.kept and "." not in where:
            assert name in KEPT_BY_RULE, path
        compare_default(path, name, item, told)
        if item.fields:
            assert set(told["fields"]) - set(item.fields) == NOT_IMPLEMENTED_INSIDE.get(name, set()), path
            compare(path, item.fields, told["fields"])


OURS_REQUIRED = ("volumes.containerPath",)
"""Optional officially only for the sake of `fromContainer`, which is refused here."""


def compare_default(path: str, name: str, item: Input, told: Mapping[str, Any]) -> None:
    if item.default is None:
        assert "default" not in told or name in DEFAULTS_OF_THE_ENGINE or told["default"] == "false", path
        return
    written = str(item.default).lower() if isinstance(item.default, bool) else str(item.default)
    if name in DEFAULTS_NOT_IN_THE_TEXTS:
        assert item.default == DEFAULTS_NOT_IN_THE_TEXTS[name]
    else:
        assert told.get("default") == written, path


if FULL.exists():  # only where the research material lies beside the tree

    def test_the_reduced_schema_is_the_official_one() -> None:
        full = json.loads(FULL.read_text())
        for type_ in RESOURCES:
            resource = full["resources"][type_]
            assert sorted(resource["properties"]) == official()[type_]["outputs"]
            compare_full(full, official()[type_]["inputs"], resource["inputProperties"])


def compare_full(full: Mapping[str, Any], reduced: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
    assert set(reduced) == set(properties)
    for name, told in reduced.items():
        there = properties[name]
        assert told["replaces"] == bool(there.get("willReplaceOnChanges") or there.get("replaceOnChanges")), name
        default = re.search(r"[Dd]efaults? (?:to )?`([^`]*)`", re.sub(r"<[^>]+>", "", there.get("description", "")))
        assert told.get("default") == (default and default[1]), name
        reference = there.get("$ref") or there.get("items", {}).get("$ref")
        if reference:
            compare_full(full, told["fields"], full["types"][reference.removeprefix("#/types/")]["properties"])
