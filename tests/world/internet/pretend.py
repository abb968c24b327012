"""A tenant made of the world's own two images: enough to be delegated to, to receive, and to send signed mail."""

import base64
import time
from dataclasses import dataclass
from typing import Any

import dns.exception
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mailtenant.fleet.leftovers import engine_client
from world import TenantPlace, World
from world.engine import Engine, write_files
from world.outside import OutsideMx

DOMAIN, HOST = "pretend.test", "pretend.outboxment.test"
FOLDER = "/etc/unbound/world"

_SERVER = """\
server:
    directory: "/etc/unbound/world"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    interface: 0.0.0.0
    access-control: 0.0.0.0/0 allow
    module-config: "iterator"
    local-zone: "test." nodefault
"""
_AUTH = """\
auth-zone:
    name: "{zone}."
    zonefile: "{zone}.zone"
    for-downstream: yes
"""


@dataclass
class PretendTenant:
    """Its mail server answers the same HTTP interface as the outside exchanger."""

    world: World
    address: str
    engine: Engine

    @classmethod
    def up(cls, world: World, address: str) -> "PretendTenant":
        client = engine_client()
        engine = Engine(client, world.layout.name)
        tenant = cls(world, address, engine)
        tenant._start(client)
        return tenant

    @property
    def place(self) -> TenantPlace:
        return TenantPlace(HOST, self.address, (DOMAIN, HOST))

    @property
    def mail(self) -> OutsideMx:
        return OutsideMx(f"http://127.0.0.1:{self.engine.published_port(self._name('dns'), '8025/tcp')}")

    def wait(self) -> None:
        """Until its zone can be asked for through the world's name server, and its mail server answers."""
        deadline = time.monotonic() + 30
        while True:
            try:
                self.world.resolver().resolve(f"world._domainkey.{DOMAIN}", "TXT")
                self.mail.identity()
                return
            except (OSError, dns.exception.DNSException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _start(self, client: Any) -> None:
        """The name server holds the address, the mail server joins its namespace: as in a real tenant."""
        release = self.world.release
        names = self.engine.container(
            self._name("dns"),
            f"mailtenant/world-dns:{release}",
            {
                "host": {
                    "tmpfs": {"/run": "uid=5007,gid=5007"},
                    "binds": {self._volume("dns"): {"bind": FOLDER, "mode": "rw"}},
                    "port_bindings": {"8025/tcp": ("127.0.0.1", None)},
                },
                "container": {"hostname": HOST, "ports": [(8025, "tcp")]},
            },
            network=self.world.layout.name,
            address=self.address,
        )
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_files(names, FOLDER, self._zones(_public(key)), 5007)
        names.start()
        mail = client.containers.create(
            f"mailtenant/world-mx:{release}",
            name=self._name("mail"),
            network_mode=f"container:{names.id}",
            environment={
                "MX_HOST": HOST,
                "MX_DNS": self.world.layout.dns,
                "MX_SUBNET": str(self.world.layout.subnet),
                "MX_DOMAINS": f"{DOMAIN} {HOST}",
            },
            volumes={self._volume("mail"): {"bind": "/state", "mode": "rw"}},
            labels={"mailtenant.world": self.world.layout.name},
        )
        write_files(mail, "/state", {"dkim.key": _pem(key)}, 65534)
        mail.start()

    def _zones(self, public_key: str) -> dict[str, str]:
        head = f"@ 60 SOA {HOST}. hostmaster.{DOMAIN}. 1 3600 600 86400 1\n@ 60 NS {HOST}.\n"
        key = f"v=DKIM1; p={public_key}"
        domain = (
            f"$ORIGIN {DOMAIN}.\n{head}@ 60 MX 10 {HOST}.\n"
            '@ 60 TXT "v=spf1 mx -all"\n_dmarc 60 TXT "v=DMARC1; p=reject"\n'
            f'world._domainkey 60 TXT "{key[:255]}" "{key[255:]}"\n'
        )
        host = f'$ORIGIN {HOST}.\n{head}@ 60 A {self.address}\n@ 60 TXT "v=spf1 a -all"\n'
        return {
            f"{DOMAIN}.zone": domain,
            f"{HOST}.zone": host,
            "unbound.conf": _SERVER + _AUTH.format(zone=DOMAIN) + _AUTH.format(zone=HOST),
        }

    def _volume(self, role: str) -> str:
        name = f"{self.world.layout.name}-pretend-{role}"
        self.engine.volume(name)
        return name

    def _name(self, role: str) -> str:
        return f"{self.world.layout.name}-pretend-{role}"


def _pem(key: rsa.RSAPrivateKey) -> str:
    """The form that dkimpy reads."""
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _public(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()
