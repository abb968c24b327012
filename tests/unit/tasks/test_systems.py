"""Which mail system is behind a customer, and what one that has not moved may do."""

from pathlib import Path

import pytest

from mailtenant.accounts.errors import AccountError
from mailtenant.control.plane import ControlPlane
from mailtenant.migration import Side
from mailtenant.migration.sides import SideError
from mailtenant.shared_host.mailboxes import SharedMailboxes
from mailtenant.shared_host.place import SharedPlace
from mailtenant.tasks.systems import Found, ProjectSystems, SharedSystem, SystemRefused, TenantSystem
from tests.unit.control.planes import SHARED, add_customer


class Played(SharedMailboxes):
    """Remembers; says no where it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        object.__setattr__(self, "calls", [])
        object.__setattr__(self, "error", error)

    def _note(self, *call: object) -> None:
        if self.error is not None:  # type: ignore[attr-defined]
            raise self.error  # type: ignore[attr-defined]
        self.calls.append(call)  # type: ignore[attr-defined]

    def names(self) -> dict[str, str]:
        self._note("names")
        return {"jo@acme.test": "Jo", "ann@acme.test": ""}

    def add(self, address: str, name: str, password_hash: str) -> None:
        self._note("add", address, name)

    def set_password(self, address: str, password_hash: str) -> None:
        self._note("password", address)

    def remove(self, address: str, *, delete_mail: bool) -> None:
        self._note("remove", address, delete_mail)


def test_mailboxes_of_a_customer_that_has_not_moved_are_changed_on_the_shared_host() -> None:
    there = Played()
    system = SharedSystem(SHARED, lambda: there)
    assert system.mailboxes() == [Found("ann@acme.test", ""), Found("jo@acme.test", "Jo")]
    system.add("bob@acme.test", "Bob", "{X}")
    system.set_password("bob@acme.test", "{X}")
    system.remove("bob@acme.test", delete_mail=True)
    assert there.calls[1:] == [  # type: ignore[attr-defined]
        ("add", "bob@acme.test", "Bob"), ("password", "bob@acme.test"), ("remove", "bob@acme.test", True),
    ]  # fmt: skip


def test_a_refusal_is_the_customers_to_read_and_a_fault_is_ours(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AccountError, match="an alias"):
        SharedSystem(SHARED, lambda: Played(AccountError("an alias is there"))).remove("x@acme.test", delete_mail=False)
    with pytest.raises(SystemRefused) as refused:
        SharedSystem(SHARED, lambda: Played(SideError("host-7: /etc/x is away"))).mailboxes()
    assert "host-7" not in str(refused.value) and "host-7" in caplog.text


def test_where_nothing_says_how_to_reach_the_shared_host_its_own_panel_is_named(
    plane: ControlPlane, tmp_path: Path
) -> None:
    add_customer(plane)
    systems = ProjectSystems(tmp_path, plane, SharedPlace())
    assert isinstance(systems.of("acme", Side.TENANT), TenantSystem)
    with pytest.raises(SystemRefused, match="at the shared platform"):
        systems.of("acme", Side.SHARED).mailboxes()
    with pytest.raises(SystemRefused, match="could not do it now"):
        ProjectSystems(tmp_path, plane, SharedPlace(shared_host="telnet://old")).of("acme", Side.SHARED).mailboxes()


def test_the_customers_domains_are_those_of_the_control_plane(plane: ControlPlane, tmp_path: Path) -> None:
    add_customer(plane, "Acme", "acme.test", "acme.example")
    systems = ProjectSystems(tmp_path, plane, SharedPlace(shared_host="docker://shared"))
    system = systems.of("acme", Side.SHARED)
    assert isinstance(system, SharedSystem) and system.accounts is not None
    assert system.accounts().domains == ("acme.test", "acme.example")
    assert system.accounts().runner.name == "shared"
