"""Reading a container back: what a refresh records, and what an import finds.

As in the official plugin, a refresh does not look at environment, labels, volumes, networks, uploads and the way the
container is started and removed: those stay as recorded. Everything else is the engine's own word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from .engine import Engine, Missing
from .objects import Found, Values, given, labels_list

_MIB = 1024 * 1024

COMPUTED: Final[Sequence[str]] = (
    *("bridge", "command", "containerLogs", "entrypoints", "envs", "exitCode", "healthcheck", "hostname", "init"),
    *("ipcMode", "labels", "logDriver", "networkDatas", "platform", "runtime", "securityOpts", "shmSize"),
    *("stopSignal", "stopTimeout"),
)
"""Outputs that the engine decides where the program does not."""


def read(engine: Engine, id_: str, state: Values) -> Found | None:
    try:
        with engine.doing(f"Unable to read container {state.get('name', id_)}") as api:
            seen: Any = api.inspect_container(id_)
            image: Any = {} if state else api.inspect_image(seen["Image"])
    except Missing:
        return None
    values = _values(seen, state)
    if not seen["State"]["Running"]:
        values["exitCode"] = seen["State"]["ExitCode"]
        # A stopped container that has to run: `mustRun` turns false, and the next `up` replaces it.
        values["mustRun"] = False
    else:
        values["mustRun"] = state.get("mustRun", True)
    if not state:
        values.update(_imported(seen, image))
    return Found(seen["Id"], values)


def _values(seen: Any, state: Values) -> Values:
    config, host = seen["Config"], seen["HostConfig"]
    values: Values = {
        "name": seen["Name"].lstrip("/"),
        "image": seen["Image"],
        "hostname": config["Hostname"],
        "domainname": config["Domainname"],
        "command": config["Cmd"] or [],
        "entrypoints": config["Entrypoint"] or [],
        "user": config["User"],
        "workingDir": config["WorkingDir"],
        "tty": config["Tty"],
        "stdinOpen": config["OpenStdin"],
        "stopSignal": config.get("StopSignal", ""),
        "stopTimeout": config.get("StopTimeout", 0),
        "healthcheck": _healthcheck(config.get("Healthcheck")),
        "readOnly": host["ReadonlyRootfs"],
        "restart": host["RestartPolicy"]["Name"] or "no",
        "maxRetryCount": host["RestartPolicy"]["MaximumRetryCount"],
        "init": bool(host.get("Init")),
        "capabilities": given({"adds": _capabilities(host["CapAdd"]), "drops": _capabilities(host["CapDrop"])}),
        "securityOpts": host["SecurityOpt"] or [],
        "runtime": host["Runtime"],
        "tmpfs": dict(host.get("Tmpfs") or {}),
        "sysctls": dict(host.get("Sysctls") or {}),
        "ipcMode": host["IpcMode"],
        "groupAdds": host.get("GroupAdd") or [],
        "ulimits": [{"name": u["Name"], "soft": u["Soft"], "hard": u["Hard"]} for u in host.get("Ulimits") or ()],
        "cgroupParent": host.get("CgroupParent", ""),
        "memory": host["Memory"] // _MIB,
        "memorySwap": host["MemorySwap"] // _MIB if host["MemorySwap"] > 0 else host["MemorySwap"],
        "memoryReservation": host["MemoryReservation"] // _MIB,
        "shmSize": host["ShmSize"] // _MIB,
        "cpuShares": host["CpuShares"],
        "cpuSet": host["CpusetCpus"],
        "networkMode": "bridge" if host["NetworkMode"] == "default" else host["NetworkMode"],
        "dns": host["Dns"] or [],
        "dnsOpts": host["DnsOptions"] or [],
        "dnsSearches": host["DnsSearch"] or [],
        "hosts": [_host(entry) for entry in host["ExtraHosts"] or ()],
        "logDriver": host["LogConfig"]["Type"],
        "logOpts": dict(host["LogConfig"]["Config"] or {}),
        "ports": _ports(seen),
        "platform": seen.get("Platform", ""),
        "bridge": seen["NetworkSettings"].get("Bridge", ""),
        "networkDatas": _networks(seen),
        "containerLogs": None,
        "exitCode": None,
    }
    return values


def _imported(seen: Any, image: Any) -> Values:
    """What only an import looks at: there is no record of it yet. The image's own part is left out."""
    base = image.get("Config") or {}
    config, host = seen["Config"], seen["HostConfig"]
    inherited = base.get("Labels") or {}
    labels = {key: value for key, value in (config["Labels"] or {}).items() if inherited.get(key) != value}
    networks = [name for name in seen["NetworkSettings"]["Networks"] or () if name != "bridge"]
    return {
        "envs": [entry for entry in config["Env"] or () if entry not in (base.get("Env") or ())],
        "labels": labels_list(labels),
        "volumes": [_volume(bind) for bind in host["Binds"] or ()],
        "networksAdvanced": [
            given({"name": name, **_static_addresses(seen, name)})
            for name in networks
            if host["NetworkMode"] in ("default", "bridge")
        ],
        "mustRun": seen["State"]["Running"],
        "start": True,
        "removeVolumes": True,
    }


def _static_addresses(seen: Any, network: str) -> Values:
    ipam = seen["NetworkSettings"]["Networks"][network].get("IPAMConfig") or {}
    return {"ipv4Address": ipam.get("IPv4Address") or None, "ipv6Address": ipam.get("IPv6Address") or None}


def _volume(bind: str) -> Values:
    source, path, *mode = bind.split(":")
    where = "hostPath" if source.startswith("/") else "volumeName"
    return {where: source, "containerPath": path, "readOnly": mode == ["ro"]}


def _capabilities(names: list[str] | None) -> list[str] | None:
    """As the official plugin records them: full names, sorted (the engine gives back what it was given)."""
    upper = (name.upper() for name in names or ())
    return sorted(name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}" for name in upper) or None


def _host(entry: str) -> Values:
    host, _, address = entry.partition(":")
    return {"host": host, "ip": address}


def _ports(seen: Any) -> list[Values]:
    """The published ports; while it runs, with the host ports that the engine chose."""
    asked = seen["HostConfig"]["PortBindings"] or {}
    live = seen["NetworkSettings"]["Ports"] or {}
    found = []
    for key, bindings in asked.items():
        internal, _, protocol = key.partition("/")
        for index, binding in enumerate(bindings or ()):
            address = binding["HostIp"] or "0.0.0.0"
            chosen = [one["HostPort"] for one in live.get(key) or () if one["HostIp"] == address]
            port = int(binding["HostPort"] or (chosen[index] if index < len(chosen) else 0))
            found.append({"internal": int(internal), "external": port, "ip": address, "protocol": protocol})
    return sorted(found, key=lambda port: (port["internal"], port["protocol"], port["ip"], port["external"]))


def _networks(seen: Any) -> list[Values]:
    return [
        {
            "networkName": name,
            "ipAddress": one.get("IPAddress", ""),
            "ipPrefixLength": one.get("IPPrefixLen", 0),
            "gateway": one.get("Gateway", ""),
            "globalIpv6Address": one.get("GlobalIPv6Address", ""),
            "globalIpv6PrefixLength": one.get("GlobalIPv6PrefixLen", 0),
            "ipv6Gateway": one.get("IPv6Gateway", ""),
            "macAddress": one.get("MacAddress", ""),
        }
        for name, one in sorted((seen["NetworkSettings"]["Networks"] or {}).items())
    ]


def _healthcheck(check: Any) -> Values | None:
    if not check:
        return None
    return {
        "tests": check.get("Test") or [],
        "interval": _duration(check.get("Interval", 0)),
        "timeout": _duration(check.get("Timeout", 0)),
        "startPeriod": _duration(check.get("StartPeriod", 0)),
        "retries": check.get("Retries", 0),
    }


def _duration(nanoseconds: int) -> str:
    """Nanoseconds as Go writes them: 1m0s, 1.5s, 300ms."""
    if 0 < nanoseconds < 1_000_000_000:
        return f"{nanoseconds / 1e6:g}ms"
    minutes, rest = divmod(nanoseconds / 1e9, 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{rest:g}s"
    return f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}" if minutes else text
