"""Diff: what is a difference, where, and whether it replaces."""

from __future__ import annotations

from typing import Any

import pytest

from providers.offline.docker.checks import check_resource
from providers.offline.docker.diffs import differences
from providers.offline.docker.inputs import RESOURCES
from providers.offline.docker.states import created, refreshed
from providers.shared.values import FAILED, UNKNOWN

CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"


def inputs(**given: Any) -> dict[str, Any]:
    values, problems = check_resource(CONTAINER, "web", {}, {"image": "sha256:1", "name": "web", **given}, b"")
    assert problems == []
    return values


def state(**given: Any) -> dict[str, Any]:
    return created(RESOURCES[CONTAINER], inputs(**given), {"hostname": "abc", "ports": given.get("ports")})


def diff(
    old: dict[str, Any], new: dict[str, Any], secrets: frozenset[str] = frozenset()
) -> dict[str, tuple[str, bool]]:
    return {one.path: (one.change, one.replaces) for one in differences(CONTAINER, old, new, secrets)}


EVERYTHING: dict[str, Any] = {
    "command": ["sleep", "1"],
    "labels": [{"label": "b", "value": "1"}, {"label": "a", "value": "2"}],
    "envs": ["B=1", "A=2"],
    "ports": [{"internal": 993, "external": 9993, "ip": "127.0.0.2"}, {"internal": 25, "external": 2525}],
    "capabilities": {"adds": ["CAP_CHOWN"], "drops": ["ALL"]},
    "healthcheck": {"tests": ["CMD", "true"], "interval": "1s"},
    "tmpfs": {"/run": "size=1m"},
    "memory": 64,
    "uploads": [{"file": "/b", "content": "x"}, {"file": "/a", "content": "y"}],
}


def test_the_same_program_again_is_no_difference() -> None:
    assert diff(state(**EVERYTHING), inputs(**EVERYTHING)) == {}


def test_the_order_of_sets_does_not_count_but_that_of_a_command_does() -> None:
    turned = {
        key: list(reversed(value)) if key in ("labels", "envs", "ports", "uploads") else value
        for key, value in EVERYTHING.items()
    }
    assert diff(state(**EVERYTHING), inputs(**turned)) == {}
    assert diff(state(command=["a", "b"]), inputs(command=["b", "a"])) == {
        "command[0]": ("update", True),
        "command[1]": ("update", True),
    }


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"memory": 64}, {"memory": 128}, {"memory": ("update", False)}),
        ({}, {"memory": 128}, {"memory": ("add", False)}),
        ({"memory": 64}, {}, {"memory": ("delete", False)}),
        ({"memory": 64}, {"memory": 0}, {"memory": ("delete", False)}),
        ({"restart": "always"}, {}, {"restart": ("update", False)}),
        ({"mustRun": False}, {}, {"mustRun": ("add", False)}),
        ({"readOnly": True}, {}, {"readOnly": ("delete", True)}),
        ({"image": "sha256:1"}, {"image": "sha256:2"}, {"image": ("update", True)}),
        ({"logOpts": {"max-size": "1m"}}, {"logOpts": {"max-size": "2m"}}, {'logOpts["max-size"]': ("update", True)}),
        ({"tmpfs": {"/run": ""}}, {"tmpfs": {"/run": "", "/tmp": "x"}}, {'tmpfs["/tmp"]': ("add", False)}),
        ({"tmpfs": {"/run": ""}}, {}, {"tmpfs": ("delete", False)}),
        ({}, {"capabilities": {"adds": []}}, {}),
        (
            {"capabilities": {"adds": ["CAP_KILL"]}},
            {"capabilities": {"adds": ["CAP_KILL", "CAP_CHOWN"]}},
            {"capabilities.adds[1]": ("add", True)},
        ),
        (
            {"healthcheck": {"tests": ["CMD", "true"], "retries": 3}},
            {"healthcheck": {"tests": ["CMD", "true"], "retries": 5}},
            {"healthcheck.retries": ("update", False)},
        ),
        (
            {"labels": [{"label": "a", "value": "1"}]},
            {"labels": [{"label": "a", "value": "2"}]},
            {"labels[0]": ("update", True)},
        ),
        (
            {"labels": [{"label": "a", "value": "1"}]},
            {"labels": [{"label": "z", "value": "1"}, {"label": "a", "value": "1"}]},
            {"labels[0]": ("add", True)},
        ),
        (
            {"labels": [{"label": "z", "value": "1"}, {"label": "a", "value": "1"}]},
            {"labels": [{"label": "a", "value": "1"}]},
            {"labels[0]": ("delete", True)},
        ),
    ],
)
def test_a_change_is_named_by_path_and_kind(
    old: dict[str, Any], new: dict[str, Any], expected: dict[str, tuple[str, bool]]
) -> None:
    assert diff(state(**old), inputs(**new)) == expected


@pytest.mark.parametrize("key", sorted(RESOURCES[CONTAINER]))
def test_every_input_replaces_exactly_as_the_table_says(key: str) -> None:
    item = RESOURCES[CONTAINER][key]
    if item.only and len(item.only) == 1:
        return  # one implemented value only: Check refuses the others
    samples: dict[str, tuple[Any, Any]] = {
        "string": ("a", "b"),
        "integer": (1, 2),
        "boolean": (False, True),
        "list": (["a"], ["b"]),
        "set": (["a"], ["b"]),
        "map": ({"a": "1"}, {"a": "2"}),
        "object": ({}, {next(iter(item.fields), ""): ["a"]}),
        "objects": ([], [dict.fromkeys(item.fields, "1")]),
    }
    before, after = samples[item.kind]
    found = differences(CONTAINER, {**state(), key: before}, {**inputs(), key: after}, frozenset())
    assert [one.replaces for one in found if one.path.startswith(key)] == [item.replaces]


def test_what_only_the_engine_decides_is_no_difference_when_left_out() -> None:
    seen = {"hostname": "abc", "command": ["sh"], "stopTimeout": 10, "labels": [{"label": "x", "value": "y"}]}
    assert diff({**state(), **seen}, inputs()) == {}


def test_switching_off_what_the_engine_switched_on_is_a_difference() -> None:
    assert diff({**state(), "init": True}, inputs(init=False)) == {"init": ("delete", False)}


def test_durations_are_compared_by_their_length() -> None:
    check = {"tests": ["CMD", "true"]}
    seen = {**state(healthcheck={**check, "interval": "60s"}), "healthcheck": {**check, "interval": "1m0s"}}
    assert diff(seen, inputs(healthcheck={**check, "interval": "60s"})) == {}
    assert diff(seen, inputs(healthcheck={**check, "interval": "61s"})) == {"healthcheck.interval": ("update", False)}


def test_an_unknown_is_a_difference_and_replaces_where_its_input_does() -> None:
    found = diff(state(labels=[{"label": "a", "value": "1"}]), inputs(image=UNKNOWN, memory=UNKNOWN))
    assert found == {"image": ("update", True), "memory": ("add", False)}


def test_a_secret_difference_shows_no_inner_path() -> None:
    old, new = [{"file": "/a", "content": "x"}], [{"file": "/a", "content": "y"}]
    assert diff(state(uploads=old), inputs(uploads=new), frozenset({"uploads"})) == {"uploads": ("update", True)}
    assert diff(state(uploads=old), inputs(uploads=old), frozenset({"uploads"})) == {}


def test_a_random_host_port_is_no_difference() -> None:
    ports = [{"internal": 25}]
    old = created(
        RESOURCES[CONTAINER],
        inputs(ports=ports),
        {"ports": [{"internal": 25, "external": 40001, "ip": "0.0.0.0", "protocol": "tcp"}]},
    )
    assert old["ports"][0]["external"] == 40001
    assert diff(old, inputs(ports=ports)) == {}


def test_swap_that_the_engine_filled_in_reads_as_an_addition() -> None:
    assert diff({**state(memory=64), "memorySwap": 128}, inputs(memory=64)) == {"memorySwap": ("add", False)}


def test_a_container_found_stopped_is_replaced_one_that_was_never_to_run_is_not() -> None:
    stopped = refreshed(RESOURCES[CONTAINER], state(), {"mustRun": False, "exitCode": 0})
    assert diff(stopped, inputs()) == {"mustRun": ("update", True)}
    carrier = refreshed(RESOURCES[CONTAINER], state(mustRun=False, start=False), {"mustRun": False, "exitCode": 0})
    assert diff(carrier, inputs(mustRun=False, start=False)) == {}


def test_a_half_made_container_is_replaced() -> None:
    assert diff({**state(), FAILED: True}, inputs()) == {FAILED: ("delete", True)}


def test_a_refresh_keeps_the_recorded_spelling_and_takes_the_engines_difference() -> None:
    recorded = state(labels=[{"label": "b", "value": "1"}, {"label": "a", "value": "2"}], memory=64)
    found = {
        "labels": [{"label": "a", "value": "2"}, {"label": "b", "value": "1"}],
        "memory": 32,
        "domainname": "x.test",
        "cpuShares": 0,
    }
    after = refreshed(RESOURCES[CONTAINER], recorded, found)
    assert after["labels"] == recorded["labels"]
    assert after["memory"] == 32 and after["domainname"] == "x.test"
    expected = {"memory": ("update", False), "domainname": ("delete", True)}
    assert diff(after, inputs(labels=recorded["labels"], memory=64)) == expected


def test_capabilities_in_another_spelling_replace_after_a_refresh_only() -> None:
    spelled = {"adds": ["KILL", "CHOWN"]}
    recorded = state(capabilities=spelled)
    assert diff(recorded, inputs(capabilities=spelled)) == {}
    after = refreshed(RESOURCES[CONTAINER], recorded, {"capabilities": {"adds": ["CAP_CHOWN", "CAP_KILL"]}})
    assert all(replaces for _, replaces in diff(after, inputs(capabilities=spelled)).values())
    assert diff(after, inputs(capabilities=spelled)) != {}


def test_a_network_may_leave_its_gateway_to_the_engine() -> None:
    given, _ = check_resource(NETWORK, "n", {}, {"name": "n", "ipamConfigs": [{"subnet": "10.0.0.0/28"}]}, b"")
    seen = {**created(RESOURCES[NETWORK], given, {}), "ipamConfigs": [{"subnet": "10.0.0.0/28", "gateway": "10.0.0.1"}]}
    assert differences(NETWORK, seen, given, frozenset()) == []
    other, _ = check_resource(NETWORK, "n", {}, {"name": "n", "ipamConfigs": [{"subnet": "10.0.0.16/28"}]}, b"")
    assert [(one.path, one.replaces) for one in differences(NETWORK, seen, other, frozenset())] == [
        ("ipamConfigs[0]", True)
    ]
