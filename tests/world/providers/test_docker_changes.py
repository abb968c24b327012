"""Rows of the oracle: what a change does to a container, in place or replaced, and how a preview shows it."""

from __future__ import annotations

from typing import Any

import pytest

from .scratch import CommandFailed, ScratchStack

PROGRAM = """
i = image()
uploads = [docker.ContainerUploadArgs(file=f"/etc/{name}", content=text) for name, text in P.get("files", {}).items()]
if "secret" in P:
    uploads.append(docker.ContainerUploadArgs(file="/etc/secret", content=Output.secret(P["secret"])))
c = docker.Container("c", name=NAME, image=i.image_id, command=["sleep", "1000"], init=True, stop_timeout=1,
    memory=P.get("memory"), memory_swap=P.get("swap", P.get("memory")), cpu_shares=P.get("cpu"),
    restart=P.get("restart"), max_retry_count=P.get("retries"), cpu_set=P.get("cpus"),
    memory_reservation=P.get("reservation"),
    labels=[docker.ContainerLabelArgs(label=k, value=v) for k, v in P.get("labels", {}).items()],
    capabilities=docker.ContainerCapabilitiesArgs(adds=P.get("caps", ["CAP_CHOWN"]), drops=["ALL"]),
    healthcheck=docker.ContainerHealthcheckArgs(tests=["CMD", "true"], interval="1s", retries=P.get("tries", 3)),
    tmpfs=P.get("tmpfs"), uploads=uploads, wait=True, opts=FIRST)
pulumi.export("id", c.id)
pulumi.export("files", {name: Output.secret(t) if name == "key" else t for name, t in P.get("rendered", {}).items()})
"""


def test_limits_and_restart_policy_change_in_place(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.steady(memory=64, cpu=100)
    before = stack.container()
    change = stack.changes(memory=96, cpu=200, restart="on-failure", retries=4, cpus="0", reservation=32)
    assert change["c"].op == "update" and change["c"].replaces == ()
    assert change["c"].detailed == {
        "memory": "update",
        "memorySwap": "update",
        "cpuShares": "update",
        "restart": "update",
        "maxRetryCount": "add",
        "cpuSet": "add",
        "memoryReservation": "add",
    }
    stack.up()
    after = stack.container()
    assert after["Id"] == before["Id"] and after["State"]["StartedAt"] == before["State"]["StartedAt"]
    host = after["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["MemoryReservation"]) == (96 << 20, 96 << 20, 32 << 20)
    assert (host["CpuShares"], host["CpusetCpus"]) == (200, "0")
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 4}
    stack.steady()


def test_memory_above_the_swap_that_stays_is_refused_and_the_container_stays(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.up(memory=64, swap=64)
    before = stack.container()
    stack.set(memory=128, swap=64)
    said = failure(stack)
    assert "Unable to update container" in said and "Traceback" not in said
    assert stack.container()["Id"] == before["Id"]
    assert stack.container()["HostConfig"]["Memory"] == 64 << 20
    assert stack.state()["c"]["outputs"]["memory"] == 64


def test_uploads_labels_and_capabilities_replace(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    base: dict[str, Any] = {"files": {"a": "one", "b": "two"}, "labels": {"x": "1", "y": "2"}, "memory": 64}
    stack.up(**base)
    for change, path in (
        ({"files": {"a": "one", "b": "three"}}, "uploads[1]"),
        ({"labels": {"x": "1", "y": "3"}}, "labels[1]"),
        ({"caps": ["CAP_CHOWN", "CAP_KILL"]}, "capabilities.adds[1]"),
    ):
        step = stack.changes(**{**base, **change})["c"]
        assert step.op in ("replace", "delete-replaced", "create-replacement")
        assert set(step.detailed) == {path}
    before = stack.container()["Id"]
    stack.up(**{**base, "files": {"a": "one", "b": "three"}})
    assert stack.container()["Id"] != before
    assert stack.inside("cat /etc/b") == "three"
    # The order in which sets are written is no change.
    turned = {"files": {"b": "three", "a": "one"}, "labels": {"y": "2", "x": "1"}, "memory": 64}
    assert stack.changes(**turned) == {}


def test_a_healthcheck_or_a_tmpfs_changes_in_the_record_only_as_with_the_official_plugin(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.up(memory=64)
    before = stack.container()
    change = stack.changes(memory=64, tries=5, tmpfs={"/run": "size=1m"})["c"]
    assert change.op == "update" and change.detailed == {"healthcheck.retries": "update", "tmpfs": "add"}
    stack.up()
    assert stack.container()["Id"] == before["Id"]
    assert stack.container()["Config"]["Healthcheck"]["Retries"] == 3
    assert set(stack.drift()["c"].detailed) == {"healthcheck.retries", "tmpfs"}


def test_one_secret_upload_hides_the_whole_list_in_a_diff(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    stack.up(files={"a": "visible-text"}, secret="s3cret-one", memory=64)
    stack.set(files={"a": "changed-text"}, secret="s3cret-one", memory=64)
    said = stack.run("preview", "--diff")
    assert "uploads: [secret] => [secret]" in " ".join(said.split())
    assert "visible-text" not in said and "changed-text" not in said and "s3cret" not in said


def test_rendered_files_as_an_output_read_line_by_line(stack: ScratchStack) -> None:
    stack.program(PROGRAM)
    lines = "\n".join(f"line {number}" for number in range(20))
    stack.up(memory=64, rendered={"main.cf": lines + "\nlimit = 1\n", "same.cf": "as it was", "key": "s3cret-key"})
    stack.set(memory=64, rendered={"main.cf": lines + "\nlimit = 2\n", "same.cf": "as it was", "key": "other-key"})
    said = stack.run("preview", "--diff")
    assert "- limit = 1" in said and "+ limit = 2" in said
    assert "[secret]" in said and "s3cret-key" not in said and "other-key" not in said


def failure(stack: ScratchStack) -> str:
    with pytest.raises(CommandFailed) as failed:
        stack.up()
    return str(failed.value)
