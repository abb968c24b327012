"""The table of what this plugin supports: every input with its type, default, and whether a change replaces.

Reviewed against the official schema (`tests/unit/providers/official_schema.json` is the part of it that counts).
The names are wire names (camelCase), as the engine sends them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

Kind = Literal["string", "integer", "boolean", "list", "set", "map", "object", "objects"]
"""`list` keeps its order, `set` does not (both of strings); `objects` is a set of objects, paired by `key`."""


@dataclass(frozen=True)
class Input:
    """One input: how it is checked, defaulted and compared."""

    kind: Kind
    replaces: bool = True
    required: bool = False
    default: str | int | bool | None = None
    kept: bool = False  # left out of the program: whatever the engine has is right (official: optional and computed)
    only: tuple[object, ...] = ()  # the values that are implemented, where not all are
    pattern: str = ""
    least: int | None = None
    fields: Mapping[str, Input] = field(default_factory=dict)
    key: tuple[str, ...] = ()  # what two entries of `objects` must not share


def _in_place(item: Input) -> Input:
    return replace(item, replaces=False)


TEXT: Final = Input("string")
TEXT_REQUIRED: Final = Input("string", required=True)
TEXT_KEPT: Final = Input("string", kept=True)
NUMBER: Final = Input("integer", least=0)
NUMBER_REQUIRED: Final = Input("integer", required=True)
FLAG: Final = Input("boolean")
OFF: Final = Input("boolean", default=False)
ON: Final = Input("boolean", default=True)
TEXTS: Final = Input("set")
DURATION: Final = Input("string", replaces=False, default="0s", pattern=r"(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+|0")
LABELS: Final = Input("objects", key=("label",), fields={"label": TEXT_REQUIRED, "value": TEXT_REQUIRED})

NETWORK: Final[Mapping[str, Input]] = {
    "name": Input("string", kept=True),
    "driver": TEXT_KEPT,
    "internal": Input("boolean", kept=True),
    "attachable": FLAG,
    "ipv6": FLAG,
    "ipamDriver": Input("string", default="default"),
    "ipamConfigs": Input(
        "objects",
        kept=True,
        key=("subnet",),
        fields={"subnet": TEXT, "gateway": TEXT_KEPT, "ipRange": TEXT_KEPT},
    ),
    "labels": LABELS,
    "options": Input("map", kept=True),
}

VOLUME: Final[Mapping[str, Input]] = {
    "name": TEXT_KEPT,
    "driver": TEXT_KEPT,
    "driverOpts": Input("map"),
    "labels": LABELS,
}

REMOTE_IMAGE: Final[Mapping[str, Input]] = {
    "name": TEXT_REQUIRED,
    "keepLocally": _in_place(FLAG),
    "forceRemove": _in_place(FLAG),
    "pullTriggers": TEXTS,
    "triggers": Input("map"),
}

CONTAINER: Final[Mapping[str, Input]] = {
    # what runs
    "name": TEXT_KEPT,
    "image": TEXT_REQUIRED,
    "command": Input("list", kept=True),
    "entrypoints": Input("list", kept=True),
    "envs": Input("set", kept=True, pattern=r"[^=\0]+=[^\0]*"),
    "user": TEXT_KEPT,
    "groupAdds": TEXTS,
    "workingDir": TEXT_KEPT,
    "init": Input("boolean", replaces=False, kept=True),
    "labels": replace(LABELS, kept=True),
    # its life
    "start": _in_place(ON),
    "mustRun": _in_place(ON),
    "attach": Input("boolean", replaces=False, default=False, only=(False,)),
    "logs": Input("boolean", replaces=False, default=False, only=(False,)),
    "rm": Input("boolean", replaces=False, default=False, only=(False,)),
    "wait": _in_place(OFF),
    "waitTimeout": Input("integer", replaces=False, default=60, least=1),
    "containerReadRefreshTimeoutMilliseconds": Input("integer", replaces=False, default=15000, least=1),
    "restart": Input("string", replaces=False, default="no", only=("no", "on-failure", "always", "unless-stopped")),
    "maxRetryCount": _in_place(NUMBER),
    "healthcheck": Input(
        "object",
        replaces=False,
        kept=True,
        fields={
            "tests": Input("list", replaces=False),
            "interval": DURATION,
            "timeout": DURATION,
            "startPeriod": DURATION,
            "retries": Input("integer", replaces=False, default=0, least=0),
        },
    ),
    "stopSignal": TEXT_KEPT,
    "stopTimeout": Input("integer", kept=True, least=0),
    "destroyGraceSeconds": _in_place(NUMBER),
    "removeVolumes": _in_place(ON),
    # limits
    "memory": _in_place(NUMBER),
    "memorySwap": Input("integer", replaces=False, least=-1),
    "memoryReservation": _in_place(NUMBER),
    "cpuShares": _in_place(NUMBER),
    "cpuSet": Input("string", replaces=False, pattern=r"\d+([,-]\d+)*"),
    "shmSize": Input("integer", kept=True, least=0),
    "ulimits": Input(
        "objects",
        key=("name",),
        fields={"name": TEXT_REQUIRED, "soft": NUMBER_REQUIRED, "hard": NUMBER_REQUIRED},
    ),
    "cgroupParent": TEXT,
    # what it may do; capabilities as CAP_…, sorted: after a refresh any other spelling replaces (official)
    "capabilities": Input("object", fields={"adds": Input("list"), "drops": Input("list")}),
    "securityOpts": Input("set", kept=True),
    "readOnly": OFF,
    "sysctls": Input("map"),
    "ipcMode": TEXT_KEPT,
    "tty": OFF,
    "stdinOpen": OFF,
    # its files
    "tmpfs": Input("map", replaces=False),
    "volumes": Input(
        "objects",
        key=("containerPath",),
        fields={
            "containerPath": Input("string", required=True, pattern=r"/.*"),
            "volumeName": TEXT,
            "hostPath": Input("string", pattern=r"/.*"),
            "readOnly": FLAG,
        },
    ),
    "uploads": Input(
        "objects",
        key=("file",),
        fields={
            "file": Input("string", required=True, pattern=r"/.+"),
            "content": TEXT,
            "contentBase64": TEXT,
            "executable": OFF,
            "permissions": Input("string", pattern=r"0[0-7]{3}"),
        },
    ),
    # its network
    "hostname": TEXT_KEPT,
    "domainname": TEXT,
    "networkMode": Input("string", default="bridge"),
    "networksAdvanced": Input(
        "objects",
        key=("name",),
        fields={"name": TEXT_REQUIRED, "aliases": TEXTS, "ipv4Address": TEXT, "ipv6Address": TEXT},
    ),
    "ports": Input(
        "objects",
        key=("internal", "protocol", "ip", "external"),
        fields={
            "internal": NUMBER_REQUIRED,
            "external": Input("integer", kept=True, least=0),
            "ip": Input("string", default="0.0.0.0"),
            "protocol": Input("string", default="tcp", only=("tcp", "udp", "sctp")),
        },
    ),
    "dns": TEXTS,
    "dnsOpts": TEXTS,
    "dnsSearches": TEXTS,
    "hosts": Input("objects", key=("host", "ip"), fields={"host": TEXT_REQUIRED, "ip": TEXT_REQUIRED}),
    # its log
    "logDriver": TEXT_KEPT,
    "logOpts": Input("map"),
}

RESOURCES: Final[Mapping[str, Mapping[str, Input]]] = {
    "docker:index/network:Network": NETWORK,
    "docker:index/volume:Volume": VOLUME,
    "docker:index/remoteImage:RemoteImage": REMOTE_IMAGE,
    "docker:index/container:Container": CONTAINER,
}

AUTO_NAMED: Final = frozenset(RESOURCES) - {"docker:index/remoteImage:RemoteImage"}
"""Types whose `name` is made from the resource's name when the program gives none, as the official plugin does."""

PROVIDER: Final[Mapping[str, Input]] = {
    "host": Input("string", pattern=r"(unix|tcp|ssh)://.+"),
    "disableDockerDaemonCheck": Input("boolean"),
}
