"""How each service's container is run: user, capabilities, writable places, secrets. One table, reviewed as a whole.

Least privilege: a read-only root (but the edge's), no-new-privileges, every capability dropped but those named here.
`/run` and `/tmp` are tmpfs; over an existing image folder it belongs to root unless `uid=` and `gid=` are given, and
ignores `mode=`.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from mailtenant.settings.size import Service


@dataclass(frozen=True)
class VolumeMount:
    """`role` names the volume `mt-<label>-<role>`."""

    role: str
    path: str
    read_only: bool = False


@dataclass(frozen=True)
class SecretFile:
    """A file of `/run/secrets-in`; `mode` is octal.

    Services that do not start as root read it in place, hence 0444 there.
    """

    name: str
    mode: str = "0400"


@dataclass(frozen=True)
class Healthcheck:
    """Seconds. The command is `/usr/local/bin/healthcheck` of the image; how often it runs is the tenant's tuning.

    Within the start period engines from 25 on ask every 5 s until the first good answer (docs/decisions/0038).
    """

    timeout: int = 8
    retries: int = 5
    start_period: int = 30


@dataclass(frozen=True)
class ServiceSpec:
    """One container of a tenant."""

    name: Service
    daemon: str
    network: Literal["edge", "own"]
    user: str | None = None
    read_only: bool = True
    capabilities: tuple[str, ...] = ()
    config_path: str = ""
    tmpfs: dict[str, str] = field(default_factory=dict)
    volumes: tuple[VolumeMount, ...] = ()
    secrets: tuple[SecretFile, ...] = ()
    healthcheck: Healthcheck | None = Healthcheck()
    stop_timeout: int = 20
    wait_timeout: int = 180


EDGE_PORTS: Final = (25, 465, 587, 993, 4190)
"""Published on `publish`, and listened on at the edge address."""

NODE_PORTS: Final = (25, 465, 587)
"""The same, of a further mail server."""

WEB_PORTS: Final = (80, 443)
"""The same, of a tenant that has a web host."""

NODE_SERVICES: Final[tuple[Service, ...]] = ("resolver", "smtp")
"""What a further mail server has of its own, beside its edge; sockets of the others reach it by their volumes."""

SERVICES: Final[dict[Service, ServiceSpec]] = {
    spec.name: spec
    for spec in (
        # It answers nothing by itself: what joins it is checked there.
        # Writable for its /etc/resolv.conf (docs/decisions/0006).
        ServiceSpec("edge", "edge", "own", user="0:0", read_only=False, healthcheck=None, stop_timeout=2),
        ServiceSpec(
            "resolver",
            "unbound",
            "edge",
            user="5007:5007",
            config_path="/etc/unbound/mailtenant",
            tmpfs={"/run": "uid=5007,gid=5007", "/tmp": "uid=5007,gid=5007"},
        ),
        ServiceSpec(
            "dns",
            "nsd",
            "edge",
            user="5009:5009",
            config_path="/etc/nsd/mailtenant",
            tmpfs={"/run": "uid=5009,gid=5009", "/tmp": "uid=5009,gid=5009"},
        ),
        ServiceSpec(
            "database",
            "postgresql",
            "own",
            user="5008:5008",
            config_path="/etc/postgresql/mailtenant",
            tmpfs={"/run": "uid=5008,gid=5008", "/tmp": "uid=5008,gid=5008"},
            volumes=(
                VolumeMount("database", "/var/lib/postgresql/data"),
                VolumeMount("accounts", "/etc/mailtenant", read_only=True),
                VolumeMount("owners", "/run/owners"),
                VolumeMount("usage", "/run/usage", read_only=True),
            ),
            secrets=(SecretFile("reader.password", "0444"),),
            stop_timeout=60,
        ),
        ServiceSpec(
            "cache",
            "valkey",
            "own",
            user="5006:5006",
            config_path="/etc/valkey",
            tmpfs={"/run": "uid=5006,gid=5006", "/tmp": "uid=5006,gid=5006"},
            volumes=(VolumeMount("cache", "/var/lib/valkey"),),
            secrets=(SecretFile("cache.password", "0444"),),
        ),
        ServiceSpec(
            "filter",
            "rspamd",
            "own",
            user="5005:5100",
            config_path="/etc/rspamd/mailtenant",
            tmpfs={"/run": "uid=5005,gid=5005", "/tmp": "uid=5005,gid=5005", "/var/lib/rspamd": "uid=5005,gid=5005"},
            volumes=(
                VolumeMount("milter", "/run/milter"),
                VolumeMount("owners", "/run/owners", read_only=True),
                VolumeMount("dkim", "/var/lib/dkim", read_only=True),
                VolumeMount("limits", "/var/lib/limits", read_only=True),
            ),
            secrets=(SecretFile("cache.password", "0444"),),
            # An open session of Postfix would hold up the end until the engine kills it; Postfix defers meanwhile.
            stop_timeout=5,
        ),
        ServiceSpec(
            "imap",
            "dovecot",
            "edge",
            capabilities=("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_CHROOT"),
            config_path="/etc/dovecot",
            tmpfs={"/run": "", "/tmp": ""},
            volumes=(
                VolumeMount("mail", "/var/vmail"),
                VolumeMount("sockets", "/run/mail-sockets"),
                VolumeMount("usage", "/run/usage"),
                VolumeMount("owners", "/run/owners", read_only=True),
            ),
            secrets=(SecretFile("pgpass"), SecretFile("tls.key"), SecretFile("tls.pem")),
            stop_timeout=30,
        ),
        ServiceSpec(
            "smtp",
            "postfix",
            "edge",
            capabilities=(
                "CAP_CHOWN",
                "CAP_DAC_OVERRIDE",
                "CAP_FOWNER",
                "CAP_KILL",
                "CAP_NET_BIND_SERVICE",
                "CAP_SETGID",
                "CAP_SETUID",
            ),
            config_path="/etc/postfix",
            tmpfs={"/run": "", "/tmp": "", "/var/lib/postfix": "uid=5001,gid=5001"},
            volumes=(
                VolumeMount("queue", "/var/spool/postfix"),
                VolumeMount("milter", "/run/milter"),
                VolumeMount("sockets", "/run/mail-sockets"),
                VolumeMount("owners", "/run/owners", read_only=True),
            ),
            secrets=(SecretFile("pgpass"), SecretFile("tls.key"), SecretFile("tls.pem")),
            stop_timeout=30,
        ),
        ServiceSpec(
            "web",
            "nginx",
            "edge",
            user="5010:5010",
            config_path="/etc/nginx/mailtenant",
            tmpfs={"/run": "uid=5010,gid=5010", "/tmp": "uid=5010,gid=5010"},
            secrets=(SecretFile("web.key", "0444"), SecretFile("web.pem", "0444")),
        ),
    )
}
"""In the order of start: what a service needs stands above it."""
