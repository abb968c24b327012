"""The API without a network: customers with keys, and a played mail system that remembers what was asked of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi.testclient import TestClient

from mailtenant.accounts.errors import AccountError
from mailtenant.api.app import create_app
from mailtenant.control import api_keys, customers
from mailtenant.control.plane import ControlPlane
from mailtenant.dns.records import Record
from mailtenant.dns.verify import Result
from mailtenant.migration import Side
from mailtenant.tasks.systems import Found
from tests.unit.control.planes import ACTOR


@dataclass
class PlayedSystem:
    """Mailboxes in a dictionary: address → hash."""

    side: Side
    boxes: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    wrong: bool = False
    allowed: int | None = None

    def mailboxes(self) -> Sequence[Found]:
        return [Found(address, "") for address in self.boxes]

    def add(self, address: str, name: str, password_hash: str) -> None:
        self.calls.append(f"add {address}")
        if address.startswith("full"):
            raise AccountError("the tenant is full; raise its capacity")
        self.boxes[address] = password_hash

    def set_password(self, address: str, password_hash: str) -> None:
        self.boxes[address] = password_hash

    def remove(self, address: str, *, delete_mail: bool) -> None:
        self.calls.append(f"remove {address} {delete_mail}")
        self.boxes.pop(address, None)

    def domains_allowed(self) -> int | None:
        return self.allowed

    def plan(self, domain: str) -> Sequence[Record]:
        return [Record(domain, domain, "MX", f"10 {self.side}.test", 300, "mail comes here", "customer")]

    def push(self, domain: str) -> str:
        self.calls.append(f"push {domain}")
        return "written"

    def verify(self, domain: str) -> Sequence[Result]:
        return [Result(f"{domain} MX", "server", "wrong" if self.wrong else "ok", "said", "fix")]

    def clean(self, domain: str) -> str:
        self.calls.append(f"clean {domain}")
        return "taken back"


@dataclass
class PlayedSystems:
    known: dict[tuple[str, Side], PlayedSystem] = field(default_factory=dict)

    def of(self, label: str, serving: Side) -> PlayedSystem:
        return self.known.setdefault((label, serving), PlayedSystem(serving))


@dataclass
class Service:
    """`get("/api/…", key)`; keys by `key(label)`."""

    plane: ControlPlane
    client: TestClient
    systems: PlayedSystems

    def key(self, label: str = "acme") -> str:
        with self.plane.database.write() as session:
            tenant = customers.find(session, label)
            return api_keys.create(self.plane, session, tenant, "test", actor=ACTOR)[1]

    def call(self, method: str, path: str, key: str | None, **more: Any) -> Any:
        headers = {"Authorization": f"Api-Key {key}"} if key else {}
        return self.client.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)

    def get(self, path: str, key: str | None) -> Any:
        return self.call("GET", path, key)


@contextmanager
def service(plane: ControlPlane) -> Iterator[Service]:
    systems = PlayedSystems()
    with TestClient(create_app(plane, systems), raise_server_exceptions=False) as client:
        yield Service(plane, client, systems)
