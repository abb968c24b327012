"""The small pure parts: values and secrets, the engine's request, uploads, ports read back, the ssh line."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue

from providers.offline.docker.checks import check_resource
from providers.offline.docker.connection import ssh_command
from providers.offline.docker.container_body import body
from providers.offline.docker.container_read import _duration, _ports
from providers.offline.docker.diffs import seconds
from providers.offline.docker.states import imported_inputs
from providers.offline.docker.uploads import archive
from providers.shared.values import UNKNOWN, has_unknown, plain_map, redact, secret_keys, secret_texts, wrap

CONTAINER = "docker:index/container:Container"


def request(**given: Any) -> dict[str, Any]:
    values, problems = check_resource(CONTAINER, "web", {}, {"image": "i", "name": "n", **given}, b"")
    assert problems == []
    return body(values)


def test_values_survive_the_way_there_and_back() -> None:
    there = {"a": 1, "b": True, "c": "x", "d": [1.5, None], "e": {"f": {"g": []}}}
    assert plain_map(wrap(there)) == there
    assert isinstance(plain_map(wrap({"a": 1}))["a"], int)


def test_a_secret_anywhere_inside_marks_its_input() -> None:
    inner = PropertyValue({"content": PropertyValue("x", is_secret=True)})
    given = {"uploads": PropertyValue([inner]), "image": PropertyValue("i")}
    assert secret_keys(given) == {"uploads"}
    assert wrap(plain_map(given), {"uploads"})["uploads"].is_secret


def test_unknowns_are_found_at_any_depth() -> None:
    assert has_unknown({"a": [{"b": UNKNOWN}]})
    assert not has_unknown({"a": [{"b": "known"}]})


def test_messages_lose_whole_secrets_their_lines_and_environment_values() -> None:
    inputs = {"uploads": [{"content": "first-line\nsecond-line\n"}], "envs": ["PASSWORD=open-sesame"], "name": "web"}
    hidden = secret_texts(inputs, {"uploads", "envs"})
    said = redact("web failed: second-line, open-sesame and PASSWORD=open-sesame", hidden)
    assert "second-line" not in said and "open-sesame" not in said
    assert said.startswith("web failed")


def test_the_request_holds_only_what_is_given() -> None:
    made = request()
    assert set(made) == {"Image", "HostConfig", "Tty", "OpenStdin"}
    assert made["HostConfig"] == {
        "NetworkMode": "bridge",
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "ReadonlyRootfs": False,
    }


def test_the_request_in_the_engines_units_and_names() -> None:
    made = request(
        memory=64,
        memorySwap=-1,
        shmSize=1,
        capabilities={"adds": ["CAP_CHOWN"], "drops": ["ALL"]},
        ports=[{"internal": 25, "external": 2525, "ip": "127.0.0.2"}, {"internal": 53, "protocol": "udp"}],
        volumes=[
            {"containerPath": "/a", "volumeName": "v", "readOnly": True},
            {"containerPath": "/b", "hostPath": "/h"},
            {"containerPath": "/c"},
        ],
        healthcheck={"tests": ["CMD", "true"], "interval": "1m30s", "timeout": "500ms"},
        hosts=[{"host": "a.test", "ip": "10.0.0.1"}],
        ulimits=[{"name": "nofile", "soft": 1, "hard": 2}],
        logDriver="json-file",
        logOpts={"max-size": "1m"},
    )
    host = made["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["ShmSize"]) == (64 * 1024**2, -1, 1024**2)
    assert (host["CapAdd"], host["CapDrop"]) == (["CAP_CHOWN"], ["ALL"])
    assert host["PortBindings"] == {
        "25/tcp": [{"HostIp": "127.0.0.2", "HostPort": "2525"}],
        "53/udp": [{"HostIp": "0.0.0.0", "HostPort": ""}],
    }
    assert made["ExposedPorts"] == {"25/tcp": {}, "53/udp": {}}
    assert host["Binds"] == ["v:/a:ro", "/h:/b:rw"]
    assert made["Volumes"] == {"/c": {}}
    assert made["Healthcheck"]["Interval"] == 90 * 10**9 and made["Healthcheck"]["Timeout"] == 5 * 10**8
    assert host["ExtraHosts"] == ["a.test:10.0.0.1"]
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 1, "Hard": 2}]
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}


def test_uploads_are_roots_with_the_mode_that_was_asked_for() -> None:
    made = archive(
        [
            {"file": "/etc/a b/ü", "content": "grün\n"},
            {"file": "/run.sh", "content": "x", "executable": True},
            {"file": "/key", "contentBase64": "AAH/", "permissions": "0600", "executable": True},
        ]
    )
    with tarfile.open(fileobj=io.BytesIO(made)) as tar:
        entries = {entry.name: entry for entry in tar}
        assert {name: entry.mode for name, entry in entries.items()} == {
            "etc/a b/ü": 0o644,
            "run.sh": 0o744,
            "key": 0o600,
        }
        assert {(entry.uid, entry.gid) for entry in entries.values()} == {(0, 0)}
        content = tar.extractfile("key")
        assert content is not None and content.read() == b"\x00\x01\xff"
        text = tar.extractfile("etc/a b/ü")
        assert text is not None and text.read() == "grün\n".encode()


def test_ports_come_back_with_the_host_port_that_the_engine_chose() -> None:
    seen = {
        "HostConfig": {"PortBindings": {"25/tcp": [{"HostIp": "127.0.0.2", "HostPort": ""}], "9/udp": None}},
        "NetworkSettings": {"Ports": {"25/tcp": [{"HostIp": "127.0.0.2", "HostPort": "40001"}]}},
    }
    assert _ports(seen) == [{"internal": 25, "external": 40001, "ip": "127.0.0.2", "protocol": "tcp"}]


@pytest.mark.parametrize("text", ["300ms", "1.5s", "5s", "1m0s", "1m30s", "2h0m5s", "0s"])
def test_durations_are_written_as_go_writes_them(text: str) -> None:
    assert _duration(round(seconds(text) * 1e9)) == text


def test_an_import_does_not_pin_what_the_engine_decides() -> None:
    from providers.offline.docker.inputs import RESOURCES

    found = {
        "name": "n",
        "image": "i",
        "hostname": "abc",
        "restart": "no",
        "memory": 64,
        "dns": [],
        "ipcMode": "private",
    }
    inputs = imported_inputs(RESOURCES[CONTAINER], found)
    assert inputs == {"name": "n", "image": "i", "memory": 64, "__defaults": []}


def test_the_ssh_line_takes_no_options_from_the_address() -> None:
    line = ssh_command("ssh://root@mail.test:2222")
    assert line[0] == "ssh" and line[line.index("--") + 1] == "root@mail.test" and line[line.index("-p") + 1] == "2222"
    with pytest.raises(OSError, match="names no host"):
        ssh_command("ssh://")
