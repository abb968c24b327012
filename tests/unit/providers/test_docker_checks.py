"""Check: what is refused and how it is said, defaults, names."""

from __future__ import annotations

from typing import Any

import pytest

from providers.offline.docker.checks import check_provider, check_resource
from providers.offline.docker.inputs import RESOURCES
from providers.shared.values import DEFAULTS, UNKNOWN

CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
IMAGE = "docker:index/remoteImage:RemoteImage"


def reasons(inputs: dict[str, Any], type_: str = CONTAINER) -> dict[str, str]:
    _, problems = check_resource(type_, "web", {}, inputs, b"seed")
    return {problem.path: problem.reason for problem in problems}


def checked(inputs: dict[str, Any], type_: str = CONTAINER, old: dict[str, Any] | None = None) -> dict[str, Any]:
    values, problems = check_resource(type_, "web", old or {}, inputs, b"seed")
    assert problems == []
    return values


def test_another_type_is_refused_by_name() -> None:
    assert "docker:index/service:Service" in reasons({}, "docker:index/service:Service")[""]


def test_an_unknown_input_is_refused_with_its_name_and_type() -> None:
    said = reasons({"image": "i", "privileged": True})["privileged"]
    assert 'Invalid or unknown key "privileged"' in said
    assert "Container" in said


def test_upload_owner_and_group_are_refused_as_the_official_5_1_does() -> None:
    upload = {"file": "/a", "content": "x", "owner": "root", "group": "root"}
    said = reasons({"image": "i", "uploads": [upload]})
    assert set(said) == {"uploads[0].owner", "uploads[0].group"}
    assert all("Invalid or unknown key" in reason for reason in said.values())


@pytest.mark.parametrize(
    ("inputs", "path", "words"),
    [
        ({}, "image", 'Missing required property "image"'),
        ({"image": 3}, "image", "must be a string"),
        ({"image": "i", "memory": True}, "memory", "must be an integer"),
        ({"image": "i", "memory": -1}, "memory", "at least 0"),
        ({"image": "i", "restart": "sometimes"}, "restart", "only no, on-failure, always, unless-stopped"),
        ({"image": "i", "rm": True}, "rm", "only false"),
        ({"image": "i", "cpuSet": "all"}, "cpuSet", "form"),
        ({"image": "i", "envs": ["NOVALUE"]}, "envs[0]", "form"),
        ({"image": "i", "command": "sleep"}, "command", "list of strings"),
        ({"image": "i", "command": [1]}, "command[0]", "must be a string"),
        ({"image": "i", "tmpfs": {"/run": 1}}, "tmpfs", "every value must be a string"),
        ({"image": "i", "capabilities": ["ALL"]}, "capabilities", "must be an object"),
        ({"image": "i", "labels": {"a": "b"}}, "labels", "list of objects"),
        ({"image": "i", "labels": [{"label": "a"}]}, "labels[0].value", "Missing required"),
        ({"image": "i", "ports": [{"internal": 1, "protocol": "icmp"}]}, "ports[0].protocol", "only tcp, udp, sctp"),
        ({"image": "i", "uploads": [{"file": "relative", "content": "x"}]}, "uploads[0].file", "form"),
        ({"image": "i", "uploads": [{"file": "/a"}]}, "uploads[0]", "exactly one"),
        ({"image": "i", "uploads": [{"file": "/a", "content": ""}]}, "uploads[0]", "not an empty one"),
        ({"image": "i", "uploads": [{"file": "/a", "contentBase64": "?"}]}, "uploads[0].contentBase64", "base64"),
        (
            {"image": "i", "uploads": [{"file": "/a", "content": "x", "permissions": "600"}]},
            "uploads[0].permissions",
            "",
        ),
        ({"image": "i", "healthcheck": {"tests": ["NONE"], "interval": "soon"}}, "healthcheck.interval", "form"),
        ({"image": "i", "wait": True, "start": False}, "wait", "`start`"),
        (
            {"image": "i", "volumes": [{"containerPath": "/d", "volumeName": "v", "hostPath": "/h"}]},
            "volumes[0]",
            "not both",
        ),
        (
            {"image": "i", "volumes": [{"containerPath": "/d"}, {"containerPath": "/d", "volumeName": "v"}]},
            "volumes[1]",
            "repeats",
        ),
    ],
)
def test_a_wrong_value_is_refused_where_it_stands(inputs: dict[str, Any], path: str, words: str) -> None:
    said = reasons(inputs)
    assert set(said) == {path}
    assert words in said[path]


def test_every_problem_is_told_at_once() -> None:
    assert set(reasons({"memory": -1, "nonsense": 1})) == {"image", "memory", "nonsense"}


def test_no_value_is_echoed() -> None:
    secret = "hunter2-hunter2"
    said = reasons(
        {"image": "i", "restart": secret, "envs": [secret], "uploads": [{"file": secret, "content": secret}]}
    )
    assert len(said) == 3
    assert not any(secret in reason for reason in said.values())


def test_the_official_defaults_are_filled_in_and_listed() -> None:
    values = checked({"image": "i", "name": "n"})
    expected = {key: item.default for key, item in RESOURCES[CONTAINER].items() if item.default is not None}
    assert expected["mustRun"] is True and expected["networkMode"] == "bridge" and expected["waitTimeout"] == 60
    assert {key: values[key] for key in expected} == expected
    assert values[DEFAULTS] == sorted(expected)


def test_defaults_inside_objects_are_filled_in() -> None:
    values = checked({"image": "i", "ports": [{"internal": 25}]})
    assert values["ports"] == [{"internal": 25, "ip": "0.0.0.0", "protocol": "tcp", DEFAULTS: ["ip", "protocol"]}]


def test_null_is_the_same_as_left_out() -> None:
    assert "memory" not in checked({"image": "i", "memory": None})
    assert checked({"image": "i", "restart": None})["restart"] == "no"


def test_unknowns_of_a_preview_pass_wherever_they_stand() -> None:
    values = checked(
        {
            "image": UNKNOWN,
            "memory": UNKNOWN,
            "uploads": [{"file": "/a", "content": UNKNOWN}],
            "ports": UNKNOWN,
            "labels": [UNKNOWN],
        }
    )
    assert values["image"] == UNKNOWN and values["ports"] == UNKNOWN


def test_a_name_is_made_and_kept_and_given_up_when_the_program_names_it() -> None:
    first = checked({"image": "i"})
    assert first["name"].startswith("web-") and len(first["name"]) == len("web-") + 7
    assert "name" in first[DEFAULTS]
    again, _ = check_resource(CONTAINER, "web", first, {"image": "i"}, b"another seed")
    assert again["name"] == first["name"]
    named = checked({"image": "i", "name": "mine"}, old=first)
    assert named["name"] == "mine" and "name" not in named[DEFAULTS]
    unnamed = checked({"image": "i"}, old=named)
    assert unnamed["name"] != "mine"


@pytest.mark.parametrize("type_", [NETWORK, VOLUME])
def test_networks_and_volumes_are_named_too(type_: str) -> None:
    assert checked({}, type_)["name"].startswith("web-")


def test_an_image_needs_its_name() -> None:
    assert set(reasons({}, IMAGE)) == {"name"}


@pytest.mark.parametrize(
    "given",
    [
        {"host": "unix:///run/docker.sock"},
        {"host": "tcp://127.0.0.1:2375"},
        {"host": "ssh://root@mail.example.test"},
        {"disableDockerDaemonCheck": "true"},
        {"version": "5.2.0", "__internal": {}},
    ],
)
def test_the_providers_known_settings_pass(given: dict[str, Any]) -> None:
    assert check_provider(given)[1] == []


@pytest.mark.parametrize("given", [{"host": "npipe:////./pipe/docker"}, {"registryAuth": "[]"}, {"sshOpts": "[]"}])
def test_other_settings_of_the_provider_are_refused(given: dict[str, Any]) -> None:
    assert [problem.path for problem in check_provider(given)[1]] == list(given)
