"""A tenant with IPv6 that clients reach directly is tried at that address, too; at a published one it is not."""

import socket
from dataclasses import replace

import pytest

from mailtenant.check import steps_connect
from mailtenant.check.failures import CheckFailed
from mailtenant.check.place import Place
from tests import samples
from tests.unit.check.tenant import running

SIX = "fd00:99::4"


def tenant(publish: str | None) -> Place:
    edge = {**samples.document()["edge"], "address6": SIX}
    return Place.of(samples.settings(edge=edge, publish=publish), 5)


def test_only_a_tenant_that_is_not_published_elsewhere_is_tried_by_ipv6() -> None:
    assert tenant(None).address6 == SIX and tenant("127.1.0.1").address6 is None
    assert tenant(None).by_ipv6().name(25) == f"[{SIX}]:25"
    assert Place.of(samples.settings(publish=None), 5).address6 is None


@pytest.fixture
def route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps_connect, "_no_way_to", lambda _: False)


def test_ports_that_answer_at_both_are_named_with_both(route: None) -> None:
    with running() as check:
        # Any second address that reaches the same servers will do.
        check.place = replace(check.place, address6="127.0.0.1")
        assert steps_connect.ports_answer(check).endswith("at 127.0.0.1 and 127.0.0.1")


def test_ports_that_answer_by_ipv4_alone_are_told(route: None) -> None:
    with running() as check, socket.socket() as taken:
        taken.bind(("127.0.0.9", 0))
        check.place = replace(check.place, address6="127.0.0.9")
        with pytest.raises(CheckFailed, match=r"127\.0\.0\.9:25: connection refused"):
            steps_connect.ports_answer(check)
        assert not check.silent, "the other steps go by the address that answers"


def test_a_machine_without_ipv6_does_not_call_the_tenant_ill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps_connect, "_no_way_to", lambda _: True)
    with running() as check:
        check.place = replace(check.place, address6=SIX)
        assert steps_connect.ports_answer(check).endswith("; not tried by IPv6: this machine has none")
