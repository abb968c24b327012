"""The old shared mail host of the simulated internet: `mail.inboxment.test`, one Postfix and Dovecot for all."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailtenant.certificates import make_local_certificates
from mailtenant.dkim import generate_private_key, public_half
from world import shared_files
from world.engine import Engine, WorldError, read_file, write_files
from world.layout import SHARED_NAME, Layout
from world.shared_files import FOLDER, SharedCustomer, SharedMailbox

__all__ = ["PORTS", "SHARED_NAME", "SharedCustomer", "SharedHostServer", "SharedMailbox", "SharedSpec"]

ROLE = "shared"
PORTS = (25, 465, 587, 993, 4190)
CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID", "SYS_CHROOT"]
_MOVE_FILES = ("transport", "access", "accepted", "aliases", "senders", "users", "copy-password.conf")


@dataclass(frozen=True)
class SharedSpec:
    """Who is on the host, and the loopback address where its ports are published."""

    customers: tuple[SharedCustomer, ...]
    publish: str = "127.0.1.200"


class SharedHostServer:
    """The container and its volumes. Mail, queue, keys and the files of a move outlive a new specification."""

    def __init__(self, engine: Engine, layout: Layout, release: str, spec: SharedSpec) -> None:
        self._engine, self._layout, self._release, self._spec = engine, layout, release, spec

    @property
    def container(self) -> str:
        return self._layout.container(ROLE)

    def prepare(self) -> Any:
        """The container, with all files in place; not started. Accounts are read anew by the daemons at once."""
        for part in ("config", "mail", "queue", "log"):
            self._engine.volume(f"{self.container}-{part}")
        found = self._engine.container(
            self.container,
            f"mailtenant/world-{ROLE}:{self._release}",
            self._arguments(),
            network=self._layout.name,
            address=self._layout.shared,
        )
        self._certificates(found)
        for customer in self._spec.customers:
            self._key(found, customer.domain)
        for name in _MOVE_FILES:
            if read_file(found, f"{FOLDER}/move/{name}") is None:
                write_files(found, FOLDER, {f"move/{name}": ""}, 0)
        write_files(
            found,
            FOLDER,
            shared_files.files(self._layout.shared, self._layout.subnet, self._layout.dns, self._spec.customers),
            0,
        )
        return found

    def zones(self, container: Any) -> dict[str, list[str]]:
        """The zones of the host and of its customers, as they are before a move."""
        keys = {
            customer.domain: public_half(self._key(container, customer.domain)) for customer in self._spec.customers
        }
        return shared_files.zones(self._layout.shared, self._spec.customers, keys)

    def _arguments(self) -> dict[str, Any]:
        binds = {"config": FOLDER, "mail": "/var/vmail", "queue": "/var/spool/postfix", "log": "/var/log"}
        return {
            "capabilities": CAPABILITIES,
            # What only a new start takes over; accounts and tables are not among it.
            "host": {
                "binds": {f"{self.container}-{part}": {"bind": path, "mode": "rw"} for part, path in binds.items()},
                "port_bindings": {f"{port}/tcp": (self._spec.publish, port) for port in PORTS},
                "tmpfs": {"/run": "", "/tmp": "", "/var/lib/postfix": "uid=5001,gid=5001"},
                "dns": [self._layout.dns],
                "mem_limit": "1g",
            },
            "container": {
                "hostname": SHARED_NAME,
                "ports": [(port, "tcp") for port in PORTS],
                "environment": {"SHARED_CONFIGURATION": self._configuration_hash()},
            },
        }

    def _configuration_hash(self) -> str:
        files = shared_files.files(self._layout.shared, self._layout.subnet, self._layout.dns, self._spec.customers)
        read_at_start = [
            text for name, text in sorted(files.items()) if name.endswith((".conf", ".cf")) or name.startswith("open")
        ]
        tables = [text for name, text in sorted(files.items()) if name.startswith("postfix/")]
        return hashlib.sha256("\0".join(read_at_start + tables).encode()).hexdigest()[:16]

    def _certificates(self, container: Any) -> None:
        if read_file(container, f"{FOLDER}/tls/ca.pem") is not None:
            return
        made = make_local_certificates("shared", SHARED_NAME, datetime.now(UTC))
        write_files(container, FOLDER, {"tls/key.pem": made.key}, 0, 0o600)
        write_files(container, FOLDER, {"tls/chain.pem": made.chain, "tls/ca.pem": made.ca}, 0)

    def _key(self, container: Any, domain: str) -> str:
        name = f"opendkim/{domain}.key"
        found = read_file(container, f"{FOLDER}/{name}")
        if found is None:
            found = generate_private_key()
            write_files(container, FOLDER, {name: found}, 0, 0o600)
        return found


def trust_anchor(container: Any) -> str:
    """The CA (PEM) that the host's certificate can be checked with. Raises: WorldError"""
    found = read_file(container, f"{FOLDER}/tls/ca.pem")
    if found is None:
        raise WorldError("the shared host has no certificate yet: bring the world up with its customers first")
    return found


def merged(held: Mapping[str, list[str]], fresh: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Zones that exist already stay as they are: a cut-over must survive a second `up`."""
    return {**fresh, **held}
