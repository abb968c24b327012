"""An exchanger that misbehaves when asked to, and only towards those it was asked for."""

import time

import pytest

from tests.world.internet.mails import mail, token
from tests.world.internet.pretend import DOMAIN, PretendTenant
from world.outside import Delivery, OutsideError, OutsideMx

READER = "reader@elsewhere.test"


def attempt(tenant: PretendTenant, recipient: str = READER) -> Delivery:
    message = mail(f"jo@{DOMAIN}", recipient, token())
    return tenant.mail.send(message, sender=f"jo@{DOMAIN}", recipients=[recipient])[0]


@pytest.mark.parametrize("phase", ["rcpt", "data"])
def test_a_recipient_is_refused(tenant: PretendTenant, outside: OutsideMx, phase: str) -> None:
    outside.refuse(READER, "552 5.2.2 mailbox full", phase=phase)  # type: ignore[arg-type]
    answer = attempt(tenant)
    assert (answer.accepted, answer.code, answer.text, answer.phase) == (False, 552, "5.2.2 mailbox full", phase)
    assert attempt(tenant, "other@elsewhere.test").accepted


def test_a_fault_wears_off(tenant: PretendTenant, outside: OutsideMx) -> None:
    outside.refuse(READER, "450 4.2.1 later", times=2)
    assert [attempt(tenant).code for _ in range(3)] == [450, 450, 250]


def test_greylisting_takes_the_second_attempt(tenant: PretendTenant, outside: OutsideMx) -> None:
    outside.greylist(READER)
    assert [attempt(tenant).code for _ in range(3)] == [451, 250, 250]


def test_a_slow_answer_comes_late(tenant: PretendTenant, outside: OutsideMx) -> None:
    outside.slow_down(READER, 1.0)
    started = time.monotonic()
    assert attempt(tenant).accepted
    assert time.monotonic() - started >= 1.0


def test_a_client_is_turned_away_at_the_greeting(tenant: PretendTenant, outside: OutsideMx) -> None:
    outside.refuse_client(tenant.address, "421 4.3.2 busy", times=1)
    answer = attempt(tenant)
    assert (answer.accepted, answer.code, answer.phase) == (False, 421, "connect")
    assert attempt(tenant).accepted


def test_a_client_is_hung_up_on(tenant: PretendTenant, outside: OutsideMx) -> None:
    outside.refuse_client(tenant.address)
    answer = attempt(tenant)
    assert (answer.accepted, answer.code, answer.phase) == (False, 0, "connect")


def test_a_fault_that_makes_no_sense_is_refused(outside: OutsideMx) -> None:
    with pytest.raises(OutsideError, match="three-digit"):
        outside.refuse(READER, "go away")
