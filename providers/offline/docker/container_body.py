"""From a container's inputs to the engine's JSON (POST /containers/create). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .diffs import seconds
from .objects import Values, labels_map

_MIB = 1024 * 1024


def body(inputs: Values) -> Values:
    """The whole request. Networks other than `networkMode` are connected afterwards."""
    ports = inputs.get("ports") or []
    config: Values = {
        "Image": inputs["image"],
        "Hostname": inputs.get("hostname"),
        "Domainname": inputs.get("domainname"),
        "User": inputs.get("user"),
        "WorkingDir": inputs.get("workingDir"),
        "Cmd": inputs.get("command"),
        "Entrypoint": inputs.get("entrypoints"),
        "Env": inputs.get("envs"),
        "Labels": labels_map(inputs.get("labels")),
        "ExposedPorts": {_port_key(port): {} for port in ports},
        "Volumes": {volume["containerPath"]: {} for volume in _anonymous(inputs)},
        "Tty": inputs.get("tty"),
        "OpenStdin": inputs.get("stdinOpen"),
        "StopSignal": inputs.get("stopSignal"),
        "StopTimeout": inputs.get("stopTimeout"),
        "Healthcheck": _healthcheck(inputs.get("healthcheck")),
        "HostConfig": _set(_host(inputs, ports)),
        "NetworkingConfig": {},
    }
    return _set(config)


def _set(values: Values) -> Values:
    """Without what is left out, so that the engine's own defaults hold. False and 0 stay: they are choices."""
    return {key: value for key, value in values.items() if value is not None and value not in ("", [], {})}


def _host(inputs: Values, ports: Sequence[Values]) -> Values:
    capabilities = inputs.get("capabilities") or {}
    swap = inputs.get("memorySwap")
    return {
        "NetworkMode": inputs["networkMode"],
        "RestartPolicy": {"Name": inputs["restart"], "MaximumRetryCount": inputs.get("maxRetryCount") or 0},
        "Binds": [_bind(volume) for volume in inputs.get("volumes") or () if volume not in _anonymous(inputs)],
        "PortBindings": _bindings(ports),
        "Tmpfs": inputs.get("tmpfs"),
        "ReadonlyRootfs": inputs.get("readOnly"),
        "Init": inputs.get("init"),
        "CapAdd": capabilities.get("adds"),
        "CapDrop": capabilities.get("drops"),
        "SecurityOpt": inputs.get("securityOpts"),
        "Sysctls": inputs.get("sysctls"),
        "IpcMode": inputs.get("ipcMode"),
        "GroupAdd": inputs.get("groupAdds"),
        "Memory": _mib(inputs.get("memory")),
        "MemorySwap": _mib(swap) if swap and swap > 0 else swap,
        "MemoryReservation": _mib(inputs.get("memoryReservation")),
        "ShmSize": _mib(inputs.get("shmSize")),
        "CpuShares": inputs.get("cpuShares"),
        "CpusetCpus": inputs.get("cpuSet"),
        "CgroupParent": inputs.get("cgroupParent"),
        "Ulimits": [
            {"Name": one["name"], "Soft": one["soft"], "Hard": one["hard"]} for one in inputs.get("ulimits") or ()
        ],
        "Dns": inputs.get("dns"),
        "DnsOptions": inputs.get("dnsOpts"),
        "DnsSearch": inputs.get("dnsSearches"),
        "ExtraHosts": [f"{one['host']}:{one['ip']}" for one in inputs.get("hosts") or ()],
        "LogConfig": _set({"Type": inputs.get("logDriver"), "Config": inputs.get("logOpts")}),
    }


def _mib(value: int | None) -> int | None:
    return None if value is None else value * _MIB


def _anonymous(inputs: Values) -> list[Values]:
    return [one for one in inputs.get("volumes") or () if not (one.get("volumeName") or one.get("hostPath"))]


def _bind(volume: Values) -> str:
    source = volume.get("volumeName") or volume["hostPath"]
    return f"{source}:{volume['containerPath']}:{'ro' if volume.get('readOnly') else 'rw'}"


def _port_key(port: Values) -> str:
    return f"{port['internal']}/{port.get('protocol') or 'tcp'}"


def _bindings(ports: Sequence[Values]) -> dict[str, list[Values]]:
    bindings: dict[str, list[Values]] = {}
    for port in ports:
        entry = {"HostIp": port.get("ip") or "", "HostPort": str(port.get("external") or "")}
        bindings.setdefault(_port_key(port), []).append(entry)
    return bindings


def _healthcheck(check: Values | None) -> Values | None:
    if not check:
        return None

    def nanoseconds(key: str) -> Any:
        return round(seconds(check.get(key)) * 1e9)

    return {
        "Test": check.get("tests") or [],
        "Interval": nanoseconds("interval"),
        "Timeout": nanoseconds("timeout"),
        "StartPeriod": nanoseconds("startPeriod"),
        "Retries": check.get("retries") or 0,
    }
