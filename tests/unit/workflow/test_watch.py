"""The look at the old host's logins: whose, and that a log that cannot be read stops nothing."""

import threading

import pytest

from mailtenant.control import customers, reports
from mailtenant.control.plane import ControlPlane
from mailtenant.migration import State
from mailtenant.migration.logins import Login
from mailtenant.migration.sides import SideError
from mailtenant.workflow import watch
from tests.unit.control.embedded import plane, template, url
from tests.unit.control.planes import advance, ready_customer

__all__ = ["plane", "template", "url"]


def test_customers_are_watched_from_the_wish_to_move_until_the_move_is_completed(plane: ControlPlane) -> None:
    for name in ("Acme", "Globex", "Initech"):
        ready_customer(plane, name)
    advance(plane, "globex", State.COMPLETED)
    assert watch.watched(plane) == ["acme", "initech"]


def test_a_host_that_does_not_answer_for_one_is_said_and_the_others_are_read(
    plane: ControlPlane, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("Acme", "Globex"):
        ready_customer(plane, name)
    stop = threading.Event()

    def read(label: str) -> list[Login]:
        if label == "acme":
            raise SideError("there is no log")
        stop.set()
        return [Login("jo@globex.test", "192.0.2.7", "imap", True, plane.now())]

    watch.run(plane, read, stop, 60)
    assert "acme: logins at the old host were not read: there is no log" in caplog.text
    with plane.database.read() as session:
        found = reports.logins(session, customers.find(session, "globex").id)
        assert reports.logins(session, customers.find(session, "acme").id) is None
    assert found is not None and [one.address for one in found[1]] == ["jo@globex.test"]
