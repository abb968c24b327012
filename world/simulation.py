"""Brings the simulated internet up, keeps it true to a list of tenants, and takes it down."""

import hashlib
import ipaddress
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import dns.exception
import dns.resolver

from mailtenant.fleet.leftovers import engine_client
from world import zones
from world.engine import Engine, WorldError, read_file, write_files
from world.layout import MX_NAME, Layout
from world.outside import OutsideError, OutsideMx
from world.places import TenantPlace
from world.shared_host import SharedHostServer, SharedSpec, merged, trust_anchor

__all__ = ["World", "WorldError"]

RELEASE = Path(__file__).resolve().parents[1] / "images" / "RELEASE"
READY_SECONDS = 60.0
UNBOUND_UID = 5007
NOBODY_UID = 65534
MX_API = "8025/tcp"
ZONES = "zones.json"
T = TypeVar("T")


class World:
    """One simulated internet: network `name`, DNS at `.0.53`, `mx.elsewhere.test` at `.0.25` of `subnet`.

    With `subnet6` it has IPv6 as well, and a domain whose mail goes by IPv6 only (`world.layout`).

    `up` may be called again at any time, with more or fewer tenants: what runs and is right stays as it is, and the
    name server learns of tenants without a restart. Worlds with other names and subnets do not disturb each other.
    """

    def __init__(
        self,
        name: str = "mailtenant-world",
        subnet: str = "10.99.0.0/16",
        *,
        subnet6: str | None = None,
        release: str | None = None,
        client: Any = None,
    ) -> None:
        six = ipaddress.IPv6Network(subnet6) if subnet6 else None
        self.layout = Layout(name, ipaddress.IPv4Network(subnet), six)
        self.release = release or RELEASE.read_text(encoding="utf-8").strip()
        self._client = client or engine_client()
        self._engine = Engine(self._client, name)

    def up(self, tenants: Sequence[TenantPlace] = (), *, shared: SharedSpec | None = None) -> None:
        """Network, outside exchanger and name server, the latter with exactly these tenants.

        `shared`: the shared mail host too, with these customers and their zones; one that is there already stays.
        Raises: WorldError for a place outside the subnet, a missing image, or a part that does not come up.
        """
        for place in tenants:
            if ipaddress.IPv4Address(place.address) not in self.layout.subnet:
                raise WorldError(f"{place.host}: address {place.address} is not in {self.layout.subnet}")
            subnet6 = self.layout.subnet6
            if place.address6 and (subnet6 is None or ipaddress.IPv6Address(place.address6) not in subnet6):
                where = subnet6 or "a world without IPv6"
                raise WorldError(f"{place.host}: address {place.address6} is not in {where}")
        six = (str(self.layout.subnet6), str(self.layout.gateway6)) if self.layout.subnet6 else None
        self._engine.network(self.layout.name, str(self.layout.subnet), self.layout.gateway, six)
        exchanger, name_server = self._exchanger(), self._name_server()
        exchanger.start()
        held = self.zones()
        if shared is not None:
            server = SharedHostServer(self._engine, self.layout, self.release, shared)
            host = server.prepare()
            held = merged(held, server.zones(host))
            write_files(name_server, zones.FOLDER, {ZONES: json.dumps(held)}, UNBOUND_UID)
            host.start()
        identity = _eventually(lambda: self.outside().identity(), f"{self.layout.container('mx')} to answer")
        served = {zone for place in tenants for zone in place.zones}
        changeable = {name: lines for name, lines in held.items() if name not in served}
        self._publish(name_server, zones.files(self.layout, identity.public_key, tenants, changeable))
        _eventually(self._dns_answers, f"{self.layout.container('dns')} to answer")
        if shared is not None:
            _eventually(self._shared_is_healthy, f"{self.layout.container('shared')} to serve")

    def down(self) -> None:
        """Remove everything of this world, its mail included. Raises WorldError while tenants are on its network."""
        self._engine.remove_network(self.layout.name)
        self._engine.remove_all()

    def outside(self) -> OutsideMx:
        """The outside exchanger; ask again after a restart of the engine, for its local port changes."""
        return OutsideMx(f"http://127.0.0.1:{self._engine.published_port(self.layout.container('mx'), MX_API)}")

    def resolver(self) -> dns.resolver.Resolver:
        """Asks this world's name server from the machine outside, for `mailtenant`'s own lookups and for tests."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self._engine.published_port(self.layout.container("dns"), "53/udp")
        resolver.lifetime, resolver.timeout = 8.0, 2.0
        return resolver

    def zones(self) -> dict[str, list[str]]:
        """The zones that may change while the world is up (the shared host's customers'), as lines of a zone file."""
        found = read_file(self._name_server(), f"{zones.FOLDER}/{ZONES}")
        return {} if found is None else dict(json.loads(found))

    def publish_zone(self, name: str, lines: Sequence[str]) -> None:
        """What resolvers see of a zone from now on: what a provider does after a change, or a person at its form.

        `lines` without SOA and NS, like `@ MX 10 mail.inboxment.test.`. Raises: WorldError for a zone that is not one
        of `zones()`, or a line that the name server refuses; the zone is as before then.
        """
        held = self.zones()
        if name not in held:
            raise WorldError(f"{name}: not a zone of this world; it has {', '.join(sorted(held)) or 'none'}")
        server = self._name_server()
        self._write_zone(server, name, lines)
        try:
            self._control(server, "auth_zone_reload", f"{name}.")
        except WorldError:
            self._write_zone(server, name, held[name])
            self._control(server, "auth_zone_reload", f"{name}.")
            raise
        self._control(server, "flush_zone", f"{name}.")
        write_files(server, zones.FOLDER, {ZONES: json.dumps({**held, name: list(lines)})}, UNBOUND_UID)

    def shared_ca(self) -> str:
        """The CA (PEM) of the shared host's certificate."""
        return trust_anchor(self._client.containers.get(self.layout.container("shared")))

    def _write_zone(self, server: Any, name: str, lines: Sequence[str]) -> None:
        write_files(server, zones.FOLDER, {zones.file_name(name): zones.zone_text(name, lines)}, UNBOUND_UID)

    def _shared_is_healthy(self) -> bool:
        container = self._client.containers.get(self.layout.container("shared"))
        code, _ = container.exec_run(["/usr/local/bin/healthcheck"])
        return bool(code == 0)

    def _exchanger(self) -> Any:
        volume = f"{self.layout.name}-mx"
        self._engine.volume(volume)
        arguments = {
            "host": {
                "binds": {volume: {"bind": "/state", "mode": "rw"}},
                "port_bindings": {MX_API: ("127.0.0.1", None)},
                "tmpfs": {"/tmp": f"uid={NOBODY_UID},gid={NOBODY_UID},mode=0700,size=64m"},
                "mem_limit": "384m",
            },
            "container": {
                "hostname": MX_NAME,
                "ports": [(8025, "tcp")],
                "environment": {
                    "MX_HOST": MX_NAME,
                    "MX_DNS": self.layout.dns,
                    "MX_SUBNET": str(self.layout.subnet),
                    "MX_DOMAINS": " ".join(self.layout.mx_domains),
                    **({"MX_SUBNET6": str(self.layout.subnet6)} if self.layout.subnet6 else {}),
                },
            },
        }
        return self._container("mx", arguments, self.layout.mx, self.layout.mx6)

    def _name_server(self) -> Any:
        volume = f"{self.layout.name}-dns"
        self._engine.volume(volume)
        arguments = {
            "host": {
                "binds": {volume: {"bind": zones.FOLDER, "mode": "rw"}},
                "port_bindings": {"53/udp": ("127.0.0.1", None), "53/tcp": ("127.0.0.1", None)},
                "tmpfs": {"/run": f"uid={UNBOUND_UID},gid={UNBOUND_UID},mode=0755,size=1m"},
                "mem_limit": "64m",
            },
            "container": {"hostname": "ns.elsewhere.test", "ports": [(53, "udp"), (53, "tcp")]},
        }
        return self._container("dns", arguments, self.layout.dns)

    def _container(self, role: str, arguments: dict[str, Any], address: str, address6: str | None = None) -> Any:
        return self._engine.container(
            self.layout.container(role),
            f"mailtenant/world-{role}:{self.release}",
            arguments,
            network=self.layout.name,
            address=address,
            address6=address6,
        )

    def _publish(self, name_server: Any, files: dict[str, str]) -> None:
        """Give the name server its files; it re-reads them in place when it runs already."""
        wanted = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
        changed = read_file(name_server, f"{zones.FOLDER}/fingerprint") != wanted
        if changed:
            write_files(name_server, zones.FOLDER, files, UNBOUND_UID)
        name_server.reload()
        if name_server.status != "running":
            name_server.start()
        elif changed:
            self._reload(name_server)
        if changed:  # Last, so that a reload that failed is tried again.
            write_files(name_server, zones.FOLDER, {"fingerprint": wanted}, UNBOUND_UID)

    def _reload(self, name_server: Any) -> None:
        configuration = f"{zones.FOLDER}/unbound.conf"
        self._run(name_server, ["unbound-checkconf", configuration])
        self._control(name_server, "reload")

    def _control(self, name_server: Any, *words: str) -> None:
        self._run(name_server, ["unbound-control", "-c", f"{zones.FOLDER}/unbound.conf", *words])

    def _run(self, name_server: Any, command: list[str]) -> None:
        code, output = name_server.exec_run(command, user=str(UNBOUND_UID))
        if code:
            raise WorldError(f"{self.layout.container('dns')}: {' '.join(command)}: {output.decode().strip()}")

    def _dns_answers(self) -> bool:
        return [record.to_text() for record in self.resolver().resolve(f"{MX_NAME}.", "A")] == [self.layout.mx]


def _eventually(probe: Callable[[], T], what: str) -> T:
    """Poll until `probe` gives a true value."""
    deadline, last = time.monotonic() + READY_SECONDS, ""
    while time.monotonic() < deadline:
        try:
            if answer := probe():
                return answer
        except (OSError, OutsideError, WorldError, dns.exception.DNSException) as error:
            last = f"{type(error).__name__}: {error}"
        time.sleep(0.05)
    raise WorldError(f"waited {READY_SECONDS:.0f} s for {what}; last: {last}")
