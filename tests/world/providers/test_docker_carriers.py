"""Rows of the oracle: files that reach a read-only service through a never-started carrier; failed creations."""

from __future__ import annotations

from typing import Any

import pytest

from .scratch import BASE_IMAGE, CommandFailed, ScratchStack

CARRIER = """
import hashlib
i = image()
class Service(pulumi.ComponentResource):
    def __init__(self, name, files):
        super().__init__("scratch:index:Service", name)
        child = ResourceOptions(parent=self)
        digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:12]
        volume_name = f"{NAME}-config-{digest}" if P.get("hashed") else f"{NAME}-config"
        volume = docker.Volume("config", name=volume_name, opts=child)
        carrier = docker.Container("carrier", name=volume_name, image=i.image_id, command=["true"], start=False,
            must_run=False, network_mode="none",
            volumes=[docker.ContainerVolumeArgs(container_path="/etc/apt", volume_name=volume.name)],
            uploads=[docker.ContainerUploadArgs(file="/etc/apt/" + k, content=v) for k, v in sorted(files.items())],
            opts=ResourceOptions(parent=self, delete_before_replace=not P.get("hashed")))
        docker.Container("service", name=NAME, image=i.image_id, command=["sleep", "1000"], init=True, stop_timeout=1,
            read_only=True,
            volumes=[docker.ContainerVolumeArgs(container_path="/etc/ours", volume_name=volume.name, read_only=True)],
            opts=ResourceOptions(parent=self, delete_before_replace=True, depends_on=[carrier]))
Service("service", P["files"])
"""


def files_of(stack: ScratchStack) -> dict[str, str]:
    return {"names": stack.inside("ls /etc/ours"), "text": stack.inside("head -n 100 /etc/ours/ours*")}


def test_a_never_started_carrier_fills_a_volume_for_a_read_only_service(stack: ScratchStack) -> None:
    stack.program(CARRIER)
    stack.steady(files={"ours.cf": "first = 1", "ours.map": "a b"})
    assert stack.container("-config")["State"]["Status"] == "created"
    seen = files_of(stack)
    assert "first = 1" in seen["text"]
    assert "sources.list.d" in seen["names"], "what the image holds at the path comes first"

    change = stack.changes(files={"ours.cf": "second = 2"})
    assert "carrier" in change and "config" not in change
    stack.up()
    after = files_of(stack)
    assert "second = 2" in after["text"]
    assert "ours.map" in after["names"], "a file that is no longer uploaded stays in the volume"


def test_a_volume_named_by_its_content_is_new_with_every_change_and_the_old_one_goes(stack: ScratchStack) -> None:
    stack.program(CARRIER)
    stack.up(hashed=True, files={"ours.cf": "first = 1", "ours.map": "a b"})
    first, old = stack.container(), volumes(stack)
    change = stack.changes(hashed=True, files={"ours.cf": "second = 2"})
    assert set(change) == {"config", "carrier", "service"}
    stack.up()
    assert stack.container()["Id"] != first["Id"]
    seen = files_of(stack)
    assert "second = 2" in seen["text"] and "ours.map" not in seen["names"]
    assert len(volumes(stack)) == 1 and volumes(stack) != old
    carriers = [
        entry["Names"][0] for entry in stack.engine.api.containers(all=True, filters={"name": stack.name + "-config"})
    ]
    assert len(carriers) == 1
    assert stack.changes() == {}


def volumes(stack: ScratchStack) -> list[str]:
    return [one["Name"] for one in stack.engine.api.volumes(filters={"name": stack.name})["Volumes"] or ()]


FAILING = """
i = image()
docker.Container("c", name=NAME, image=i.image_id, command=P.get("command", ["sleep", "1000"]), init=True,
    stop_timeout=1, envs=[Output.secret("PASSWORD=open-sesame")], read_only=P.get("read_only", False),
    uploads=[docker.ContainerUploadArgs(file="/etc/ours", content=Output.secret("s3cret-line\\n"))],
    wait=P.get("wait", False), wait_timeout=P.get("limit", 20),
    start=P.get("start", True), must_run=P.get("start", True),
    healthcheck=docker.ContainerHealthcheckArgs(tests=["CMD-SHELL", P["test"]], interval="1s", retries=1)
        if "test" in P else None,
    opts=FIRST if P.get("first", True) else None)
"""


def failure(stack: ScratchStack, **parameters: Any) -> str:
    with pytest.raises(CommandFailed) as failed:
        stack.up(**parameters)
    said = str(failed.value)
    assert "Traceback" not in said and "Unexpected <class" not in said
    assert "s3cret" not in said and "open-sesame" not in said
    return said


def test_an_upload_into_a_read_only_root_fails_and_the_next_up_replaces(stack: ScratchStack) -> None:
    stack.program(FAILING)
    said = failure(stack, read_only=True)
    assert "Unable to upload volume content" in said and "container rootfs is marked read-only" in said
    left = stack.container()
    assert left["State"]["Status"] == "created"
    assert stack.state()["c"]["id"] == left["Id"], "it is in the state, so that nothing is lost"
    step = stack.changes(read_only=False, first=False)["c"]
    assert step.op in ("replace", "delete-replaced", "create-replacement")
    stack.up()
    assert stack.container()["Id"] != left["Id"] and stack.container()["State"]["Running"]
    assert stack.changes() == {}


def test_a_half_made_container_is_still_replaced_after_a_refresh_and_can_be_destroyed(stack: ScratchStack) -> None:
    stack.program(FAILING)
    failure(stack, read_only=True)
    stack.run("refresh", "--yes", "--skip-preview")
    assert "c" in stack.changes()
    stack.run("destroy", "--yes", "--skip-preview")
    assert stack.engine.api.containers(all=True, filters={"name": stack.name}) == []


def test_an_unhealthy_container_fails_with_its_last_check_and_log(stack: ScratchStack) -> None:
    stack.program(FAILING)
    command = ["sh", "-c", "echo starting; echo $PASSWORD; cat /etc/ours; exec sleep 1000"]
    said = failure(stack, wait=True, test="echo probe says no; false", command=command)
    assert f"container {stack.name} is unhealthy; last healthcheck (exit 1): probe says no" in said
    assert "last log lines: starting | [secret] | [secret]" in said
    assert "the next `pulumi up` replaces it" in said


def test_a_container_that_exits_at_once_says_why(stack: ScratchStack) -> None:
    stack.program(FAILING)
    said = failure(stack, command=["sh", "-c", "echo no such table; exit 3"])
    assert f"container {stack.name} exited with code 3; last log lines: no such table" in said
    assert stack.up(command=["sleep", "1000"])
    assert stack.container()["State"]["Running"]


def test_waiting_ends_with_the_limit_and_needs_a_healthcheck(stack: ScratchStack) -> None:
    stack.program(FAILING)
    said = failure(stack, wait=True, limit=2, test="sleep 30")
    assert "is not healthy after 2 s (waitTimeout); its healthcheck has not finished once" in said
    said = failure(stack, wait=True)
    assert "has no healthcheck" in said


def test_a_name_that_is_taken_is_a_clear_error(stack: ScratchStack) -> None:
    stack.program(FAILING)
    stack.engine.api.create_container(BASE_IMAGE, ["true"], name=stack.name)
    said = failure(stack)
    assert f"Unable to create container {stack.name}: Conflict" in said and "already in use" in said
    assert "c" not in stack.state()
